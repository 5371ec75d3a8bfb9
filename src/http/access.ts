import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../errors.ts';
import type { Caller, HeldClaim, Scope } from '../keys/schema.ts';
import type { HttpEnv } from './env.ts';

/** Where a browser signs in and out. */
export const SESSION_PATH = '/api/ops/session';
/** Where somebody decides by a link, who has no key. */
export const DECISION_PATH = '/api/ops/decision';

/** What is done with one claim, by its token. */
export const CLAIM_PATH = '/api/ops/work/claims/';

export function isClaimPath(path: string): boolean {
  return path.startsWith(CLAIM_PATH);
}

/** The pages of the dashboard, by the first part of their path. Each gets the same document, which holds nothing. */
export const VIEWS = [
  'decide',
  'proposals',
  'missions',
  'events',
  'policy',
  'agents',
  'schedules',
  'workers',
  'files',
];
const VIEW = new RegExp(`^/(?:(?:${VIEWS.join('|')})(?:/[\\w.-]{1,100})?)?$`);
const ASSET = /^\/assets\/[\w.-]+$/;

export function isView(path: string): boolean {
  return VIEW.test(path);
}

/**
 * Needs no key: the program of the dashboard, and whether the service is alive. Everything else does, also what does not
 * exist.
 */
export function isPublic(c: Context<HttpEnv>): boolean {
  const { method, path } = c.req;
  return (
    (method === 'GET' || method === 'HEAD') && (path === '/api/status' || isView(path) || ASSET.test(path))
  );
}

/** `own`: an agent's key is let in and sees what is its agent's. */
export type Agents = 'own' | 'never';

/**
 * The part of a route's definition that says who may use it, to the program and in the document.
 * @param query whether the route has a schema for its query; without one, any query is refused
 */
export function needs(scope: Scope, options: { agents?: Agents; query?: boolean } = {}) {
  const { agents = 'never', query = false } = options;
  const middleware: MiddlewareHandler<HttpEnv>[] = [requireScope(scope, agents)];
  if (!query) middleware.push(refuseQuery);
  return { security: [{ key: [scope] }], middleware, 'x-agents': agents };
}

/** The part of a route's definition that says any key may use it, whatever its scopes. */
export function needsAnyKey() {
  const security: Record<string, string[]>[] = [{ key: [] }];
  return { security, middleware: [refuseQuery], 'x-agents': 'own' as const };
}

/** The part of a route's definition that says it takes no key but a link that decides. */
export function needsLink() {
  const security: Record<string, string[]>[] = [{ link: [] }];
  return { security, middleware: [refuseQuery], 'x-agents': 'never' as const };
}

/** The part of a route's definition that says it needs the token of the claim that its path names. */
export function needsClaim() {
  const security: Record<string, string[]>[] = [{ claim: [] }];
  return { security, middleware: [requireClaim, refuseQuery], 'x-agents': 'own' as const };
}

/**
 * The part of a route's definition that says it needs no key.
 * @param query whether any query may stand in its address
 */
export function needsNoKey({ query = false } = {}) {
  const security: Record<string, string[]>[] = [];
  return { security, middleware: query ? [] : [refuseQuery] };
}

const requireClaim: MiddlewareHandler<HttpEnv> = async function requireClaim(c, next) {
  heldClaim(c);
  await next();
};

/** The claim that the caller's token opens. @throws AppError forbidden when it is a key, or another claim's token */
export function heldClaim(c: Context<HttpEnv>): HeldClaim {
  const { claim, keyId } = c.get('caller');
  if (claim === undefined)
    throw new AppError(
      'forbidden',
      `This needs the token of the claim ("opw_…"), which the answer of POST /api/ops/work/claim has; ${keyId} is a key.`,
    );
  if (!c.req.path.startsWith(`${CLAIM_PATH}${claim.claim_id}/`))
    throw new AppError('forbidden', `This token opens the claim ${claim.claim_id} and no other.`);
  return claim;
}

const refuseQuery: MiddlewareHandler<HttpEnv> = async function refuseQuery(c, next) {
  const [name] = Object.keys(c.req.queries());
  if (name !== undefined)
    throw new AppError('invalid_request', `query: "${name.slice(0, 100)}" is unknown (none are known here).`);
  await next();
};

function requireScope(scope: Scope, agents: Agents): MiddlewareHandler<HttpEnv> {
  return async function requireScope(c, next) {
    const caller = c.get('caller');
    if (!caller.scopes.includes(scope)) {
      throw new AppError(
        'forbidden',
        `This needs a key with the scope ${scope}; the key ${caller.keyId} has ${caller.scopes.join(', ')}.`,
        { details: { needed: scope, scopes: caller.scopes } },
      );
    }
    if (caller.agentId !== null && agents === 'never') {
      throw new AppError(
        'forbidden',
        `This is for operators; the key ${caller.keyId} speaks for the agent ${caller.agentId}.`,
        { details: { needed: scope, scopes: caller.scopes, agent_id: caller.agentId } },
      );
    }
    await next();
  };
}

/**
 * Another agent's things do not exist for an agent.
 * @throws AppError not_found
 */
export function requireOwn(caller: Caller, what: string, row: { id: string; agent_id: string | null }): void {
  if (caller.agentId !== null && row.agent_id !== caller.agentId)
    throw new AppError('not_found', `There is no ${what} ${row.id}.`, { details: { id: row.id } });
}

/**
 * The agent whose things a list shows: an agent's key sees its own, an operator whichever it names.
 * @throws AppError forbidden
 */
export function agentFilter(caller: Caller, named: string | undefined): string | undefined {
  if (caller.agentId === null) return named;
  if (named === undefined || named === caller.agentId) return caller.agentId;
  throw new AppError(
    'forbidden',
    `The key ${caller.keyId} speaks for the agent ${caller.agentId} and sees nothing of "${named}".`,
    { details: { agent_id: caller.agentId } },
  );
}
