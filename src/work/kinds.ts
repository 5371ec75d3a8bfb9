import { AppError } from '../errors.ts';
import type { Caller } from '../keys/schema.ts';
import type { Handlers } from '../worker/handler.ts';

/** Their end is more than an output: publishing fixes a file, and a command must not begin twice. */
const OURS = ['publish', 'exec'];
/** It judges what an agent wants, so no agent works it. */
const NEVER_AGENTS = ['review'];

/**
 * Refuses kinds of steps that this key may not claim, or that nobody works over HTTP.
 * @throws AppError forbidden, which says what is allowed
 */
export function requireKinds(caller: Caller, kinds: readonly string[], handlers: Handlers): void {
  const refused = kinds.filter((kind) => OURS.includes(kind) || handlers[kind]?.once === true);
  if (refused.length > 0)
    throw forbidden(`Steps of kind ${refused.join(', ')} are worked by opsloop itself, never over HTTP.`, {
      refused,
    });
  const allowed = caller.kinds;
  const others = allowed === null ? [] : kinds.filter((kind) => !allowed.includes(kind));
  if (others.length > 0)
    throw forbidden(
      `The key ${caller.keyId} may claim steps of kind ${allowed?.join(', ')}, and not of ${others.join(', ')}.`,
      { refused: others, allowed },
    );
  const judged = caller.agentId === null ? [] : kinds.filter((kind) => NEVER_AGENTS.includes(kind));
  if (judged.length > 0)
    throw forbidden(
      `Steps of kind ${judged.join(', ')} decide over what agents want; the key ${caller.keyId} speaks for the agent ${caller.agentId}. Use an operator's key.`,
      { refused: judged },
    );
}

/** A kind that this program does not know may well call a model, so that token caps hold it, too. */
export function usesModel(handlers: Handlers, kind: string): boolean {
  return handlers[kind]?.usesModel ?? true;
}

function forbidden(message: string, details: Record<string, unknown>): AppError {
  return new AppError('forbidden', message, { details });
}
