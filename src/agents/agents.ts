import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { appendEvents } from '../events/events.ts';
import { selectAgent, selectAgents, upsertAgent } from './queries.ts';
import { type AgentInput, type AgentRow, DEFAULT_AGENTS } from './schema.ts';

export function listAgents(db: Db): Promise<AgentRow[]> {
  return selectAgents(db);
}

export function findAgent(db: Db, agentId: string): Promise<AgentRow | null> {
  return selectAgent(db, agentId);
}

/** The error for an id that no agent has. */
export function unknownAgent(agentId: string): AppError {
  return new AppError(
    'unknown_agent',
    `No agent has the id "${agentId}". \`opsloop agents\` lists them, \`opsloop agents set ${agentId}\` adds one.`,
    { details: { agent_id: agentId } },
  );
}

/** Makes an agent, or changes what is named of it. */
export async function setAgent(
  database: Database,
  agentId: string,
  input: AgentInput,
  by: string,
): Promise<AgentRow> {
  const row = await database.transaction((tx) => writeAgent(tx, agentId, input, by));
  database.hints.tell('events');
  return row;
}

/** Gives a database without agents the six of the specification. */
export async function seedAgents(tx: Db): Promise<void> {
  if ((await selectAgents(tx)).length > 0) return;
  for (const { agent_id, display_name, role } of DEFAULT_AGENTS) {
    await writeAgent(tx, agent_id, { display_name, role }, 'setup');
  }
}

async function writeAgent(tx: Db, agentId: string, input: AgentInput, by: string): Promise<AgentRow> {
  const before = await selectAgent(tx, agentId, true);
  const { display_name = null, model_override = null, role = null, config = null } = { ...before, ...input };
  const set = { display_name, model_override, role, config };
  const row = await upsertAgent(tx, { agent_id: agentId, ...set });
  await appendEvents(tx, {
    kind: before ? 'agent.changed' : 'agent.created',
    source: 'agents',
    entity: 'agent',
    entityId: agentId,
    payload: { set, cause: { by } },
  });
  return row;
}
