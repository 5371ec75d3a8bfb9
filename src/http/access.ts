import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../errors.ts';
import type { Caller, Scope } from '../keys/schema.ts';
import type { HttpEnv } from './env.ts';

/** The only routes that need no key. Everything else does, also what does not exist. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/', '/style.css', '/api/status']);

export function isPublic(c: Context<HttpEnv>): boolean {
  return (c.req.method === 'GET' || c.req.method === 'HEAD') && PUBLIC_PATHS.has(c.req.path);
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

/** The part of a route's definition that says it needs no key. */
export function needsNoKey() {
  const security: Record<string, string[]>[] = [];
  return { security, middleware: [refuseQuery] };
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
