import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { AppError, ErrorCode } from '../../errors.ts';
import { readSecret } from '../../keys/secret.ts';
import { clientAddress } from '../../lib/address.ts';
import type { Log } from '../../log.ts';
import type { HttpEnv } from '../env.ts';
import { makePerMinute } from '../per-minute.ts';

const TOLD = new Set<ErrorCode>([
  'unauthorized',
  'forbidden',
  'rate_limited',
  'host_not_allowed',
  'origin_not_allowed',
  'invalid_path',
]);
const LOGGED_PER_MINUTE = 30;

/**
 * Tells the log who was refused what: wrong keys, keys that may not do what they asked for, and what seems to come from a
 * page of somebody else. It names routes and ids of keys; a path or a header could hold a secret.
 */
export function logRefusals(log: Log, isTrustedProxy: (address: string) => boolean) {
  const lines = makePerMinute(LOGGED_PER_MINUTE);
  return function logRefusal(c: Context<HttpEnv>, { code }: AppError): void {
    // Absent when the request was refused before it was read.
    const wire = c.get('wire') as HttpEnv['Variables']['wire'] | undefined;
    const caller = c.get('caller') as HttpEnv['Variables']['caller'] | undefined;
    const [given] = wire?.values('authorization') ?? [];
    if (!TOLD.has(code) || !wire || (code === 'unauthorized' && given === undefined)) return;
    const suppressed = lines.next();
    if (suppressed === null) return;
    const refused = {
      code,
      method: c.req.method.slice(0, 20),
      route: matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? 'none',
      address: clientAddress(wire.peer, wire.values('x-forwarded-for'), isTrustedProxy),
      // What a wrong key calls itself, which nobody has verified.
      ...(caller
        ? { keyId: caller.keyId }
        : { claimedId: readSecret(given?.replace(/^Bearer +/i, '') ?? '')?.id }),
      suppressed,
    };
    log.warn(refused, 'a request was refused');
  };
}
