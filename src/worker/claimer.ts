import type { Database } from '../db/database.ts';
import type { Queue } from '../engine/queue.ts';
import type { Claim, FreeSlots } from '../engine/schema.ts';
import { tokenBlocks } from '../engine/tokens.ts';
import type { Llm } from '../llm/llm.ts';
import type { Handlers } from './handler.ts';
import type { ProviderHolds } from './provider-holds.ts';
import { type AgentModel, agentsWithModel, isServed } from './serving.ts';

export type ClaimerDeps = {
  database: Database;
  queue: Queue;
  llm: Llm;
  handlers: Handlers;
  agentModel: AgentModel;
  holds: ProviderHolds;
};

/**
 * Claims what can be worked now: steps that need no model, and model steps that something serves and no
 * token cap holds. `keep` gets the claims as they come, so that none is lost when a later one fails.
 */
export async function claimWhatIsServed(
  { database, queue, llm, handlers, agentModel, holds }: ClaimerDeps,
  workerId: string,
  free: FreeSlots,
  keep: (claims: Claim[]) => void,
): Promise<void> {
  const usesModel = (kind: string) => handlers[kind]?.usesModel === true;
  const isAvailable = (kind: string) => handlers[kind]?.available?.() !== false;
  const plain = only(free, (kind) => !usesModel(kind) && isAvailable(kind));
  if (any(plain)) await queue.claim(workerId, plain, keep);

  const model = only(free, (kind) => usesModel(kind) && isAvailable(kind));
  const status = llm.status();
  if (!any(model) || status.mode === 'none' || (await queue.ready(Object.keys(model))).size === 0) return;
  const [capped, own] = await Promise.all([
    tokenBlocks(database),
    agentsWithModel(database, agentModel, status),
  ]);
  if (capped.everybody) return;
  const held = own.filter(({ provider }) => holds.isHeld(provider)).map(({ agentId }) => agentId);
  const not = [...capped.agents, ...held];

  const defaultIsHeld = status.llm && holds.isHeld(status.provider);
  const served = only(model, (kind) => !defaultIsHeld && isServed(status, kind, false));
  if (any(served)) await queue.claim(workerId, served, keep, { not });

  // Agents with a model of their own need no default.
  const rest = only(model, (kind) => !(kind in served) && isServed(status, kind, true));
  const named = own.map(({ agentId }) => agentId);
  if (any(rest) && named.length > 0) await queue.claim(workerId, rest, keep, { not, only: named });
}

function only(free: FreeSlots, wanted: (kind: string) => boolean): FreeSlots {
  return Object.fromEntries(Object.entries(free).filter(([kind]) => wanted(kind)));
}

function any(free: FreeSlots): boolean {
  return Object.values(free).some((left) => left > 0);
}
