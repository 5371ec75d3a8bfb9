import type { Db } from '../db/database.ts';
import type { AgentRow } from './schema.ts';

export function selectAgents(db: Db): Promise<AgentRow[]> {
  return db.query<AgentRow>('select * from ops_agent_config order by agent_id');
}

export async function selectAgent(db: Db, agentId: string, lock = false): Promise<AgentRow | null> {
  const [row] = await db.query<AgentRow>(
    `select * from ops_agent_config where agent_id = $1 ${lock ? 'for update' : ''}`,
    [agentId],
  );
  return row ?? null;
}

export async function upsertAgent(tx: Db, agent: Omit<AgentRow, 'created_at'>): Promise<AgentRow> {
  const [row] = await tx.query<AgentRow>(
    `insert into ops_agent_config (agent_id, display_name, model_override, role, config)
     values ($1, $2, $3, $4, $5::jsonb)
     on conflict (agent_id) do update set display_name = excluded.display_name,
       model_override = excluded.model_override, role = excluded.role, config = excluded.config
     returning *`,
    [
      agent.agent_id,
      agent.display_name,
      agent.model_override,
      agent.role,
      agent.config === null ? null : JSON.stringify(agent.config),
    ],
  );
  if (!row) throw new Error('an upsert returned no row');
  return row;
}
