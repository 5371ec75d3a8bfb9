import { listAgents } from '../agents/agents.ts';
import type { AgentRow } from '../agents/schema.ts';
import type { Db } from '../db/database.ts';
import type { LlmStatus } from '../llm/llm.ts';

export type AgentModel = (agentId: string) => string | undefined;

/** What the built-in extractive analyst can stand in for. */
const EXTRACTIVE_KINDS = ['analyze', 'task'];

/** Whether something serves model steps of this kind, for agents with a model of their own or for the others. */
export function isServed(status: LlmStatus, kind: string, hasOwnModel: boolean): boolean {
  if (status.mode === 'none') return false;
  if (status.mode === 'extractive') return isExtractive(kind) && !hasOwnModel;
  return hasOwnModel || status.llm || (status.extractive && isExtractive(kind));
}

export function isExtractive(kind: string): boolean {
  return EXTRACTIVE_KINDS.includes(kind);
}

/** The provider behind an agent's own model; null for an agent without one. */
function ownProvider(agent: AgentRow, agentModel: AgentModel, status: LlmStatus): string | null {
  const model = agent.model_override ?? agentModel(agent.agent_id);
  if (model === undefined) return null;
  const prefix = model.slice(0, Math.max(0, model.indexOf(':')));
  return status.providers.some((provider) => provider.name === prefix) ? prefix : 'ollama';
}

/** The agents that name a model of their own, in the database or in the configuration, with its provider. */
export async function agentsWithModel(
  db: Db,
  agentModel: AgentModel,
  status: LlmStatus,
): Promise<{ agentId: string; provider: string }[]> {
  return (await listAgents(db)).flatMap((agent) => {
    const provider = ownProvider(agent, agentModel, status);
    return provider === null ? [] : [{ agentId: agent.agent_id, provider }];
  });
}
