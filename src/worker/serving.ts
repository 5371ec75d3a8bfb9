import { listAgents } from '../agents/agents.ts';
import type { Db } from '../db/database.ts';
import type { LlmStatus } from '../llm/llm.ts';
import type { Handlers } from './handler.ts';

export type AgentModel = (agentId: string) => string | undefined;

/** Whether something serves model steps of this kind, for agents with a model of their own or for the others. */
export function isServed(status: LlmStatus, kind: string, hasOwnModel: boolean): boolean {
  if (status.mode === 'none') return false;
  if (status.mode === 'extractive') return kind === 'analyze' && !hasOwnModel;
  return hasOwnModel || status.llm || (status.extractive && kind === 'analyze');
}

/** The agents that name a model of their own, in the database or in the configuration. */
export async function agentsWithModel(db: Db, agentModel: AgentModel): Promise<string[]> {
  const agents = await listAgents(db);
  return agents
    .filter(({ agent_id, model_override }) => model_override !== null || agentModel(agent_id) !== undefined)
    .map(({ agent_id }) => agent_id);
}

export function modelKindsOf(handlers: Handlers): string[] {
  return Object.keys(handlers).filter((kind) => handlers[kind]?.usesModel);
}
