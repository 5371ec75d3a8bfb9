import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../errors.ts';
import type { Authenticate } from '../../keys/keys.ts';
import type { Caller } from '../../keys/schema.ts';
import type { LinkHolder } from '../../webhooks/links.ts';
import { CLAIM_PATH, DECISION_PATH, isClaimPath, isPublic, SESSION_PATH } from '../access.ts';
import { clientAddress, isLoopback, limitKey } from '../../lib/address.ts';
import type { Buckets } from '../buckets.ts';
import type { HttpEnv } from '../env.ts';

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;

export type AuthenticateOptions = {
  authenticate: Authenticate;
  findLink: (given: string) => Promise<LinkHolder | null>;
  isTrustedProxy: (address: string) => boolean;
  failedKeys: Buckets;
  agentRequests: Buckets;
};

/**
 * Finds out who asks, before anything of the body is read. Failures are limited per address. A blocked address is
 * refused unread, with one exception: all programs of this machine share loopback, so there the key is looked at
 * first, and nobody can lock somebody else's valid key out. Guessing gains nothing by it: a key is 256 random bits.
 */
export function authenticate(options: AuthenticateOptions): MiddlewareHandler<HttpEnv> {
  const { failedKeys, agentRequests } = options;

  const admit = async (c: Context<HttpEnv>): Promise<Caller> => {
    const { peer, values } = c.get('wire');
    const address = clientAddress(peer, values('x-forwarded-for'), options.isTrustedProxy);
    const name = limitKey(address);
    const blocked = failedKeys.wait(name);
    if (blocked > 0 && !isLoopback(address)) throw tooManyFailures(blocked);

    // A code is for signing in and for nothing else.
    const signsIn = c.req.method === 'POST' && c.req.path === SESSION_PATH;
    const given = readKey(values('authorization'));
    const takesLinks = c.req.path === DECISION_PATH;
    const link = takesLinks ? await options.findLink(given) : null;
    if (link) c.set('link', link);
    const caller = takesLinks ? (link?.caller ?? null) : await options.authenticate(given, signsIn);
    if (caller) return caller;
    const seconds = failedKeys.take(name);
    if (seconds > 0) throw tooManyFailures(seconds);
    throw new AppError(
      'unauthorized',
      takesLinks
        ? 'This link is not valid: it was used, it is over, or who made it may not decide any more.'
        : signsIn
          ? 'The code or key is not valid: a code is for one use and 60 seconds. `opsloop open` makes another one.'
          : 'The key is not valid: it is unknown, revoked or expired. `opsloop keys` lists those in use.',
    );
  };

  return async function authenticate(c, next) {
    if (isPublic(c)) return next();
    const caller = await admit(c);
    if (caller.claim && !isClaimPath(c.req.path))
      throw new AppError(
        'forbidden',
        `This is the token of a claim; it is for POST ${CLAIM_PATH}${caller.claim.claim_id}/… alone.`,
      );
    if (caller.agentId !== null && !c.env?.isCounted) {
      const seconds = agentRequests.take(caller.keyId);
      if (seconds > 0) {
        throw new AppError(
          'rate_limited',
          `The key ${caller.keyId} of the agent ${caller.agentId} sends too many requests; wait ${seconds} s.`,
          { retryAfter: seconds },
        );
      }
    }
    c.set('caller', caller);
    return next();
  };
}

/** The key of the one Authorization header. @throws AppError unauthorized */
export function readKey(values: readonly string[]): string {
  const [value] = values;
  const key = values.length === 1 ? BEARER.exec(value ?? '')?.[1] : undefined;
  if (key !== undefined) return key;
  const problem =
    values.length === 0
      ? 'This needs an API key'
      : values.length > 1
        ? 'There is more than one Authorization header'
        : 'The Authorization header is not of the form "Bearer <key>"';
  throw new AppError('unauthorized', `${problem}. Send it as "Authorization: Bearer <key>".`);
}

function tooManyFailures(seconds: number): AppError {
  return new AppError('rate_limited', `Too many requests with a wrong key; wait ${seconds} s.`, {
    retryAfter: seconds,
  });
}
