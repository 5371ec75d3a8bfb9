import type { Db } from '../db/database.ts';
import type { MissionFilter, MissionRow } from './schema.ts';

export async function selectMission(db: Db, id: string): Promise<MissionRow | null> {
  const [row] = await db.query<MissionRow>('select * from ops_missions where id = $1', [id]);
  return row ?? null;
}

/** The newest first. */
export function selectMissions(
  db: Db,
  filter: MissionFilter,
  beforeId: string | null,
  limit: number,
): Promise<MissionRow[]> {
  return db.query<MissionRow>(
    `select * from ops_missions
     where ($1::text is null or status = $1)
       and ($2::text is null or agent_id = $2)
       and ($3::uuid is null or proposal_id = $3)
       and ($4::uuid is null or id < $4)
     order by id desc limit $5`,
    [filter.status ?? null, filter.agentId ?? null, filter.proposalId ?? null, beforeId, limit],
  );
}

/** A proposal's newest mission: the retry where there was one. */
export async function selectLatestMission(db: Db, proposalId: string): Promise<MissionRow | null> {
  // Not by id: ids are drawn by the clocks of different machines.
  const [row] = await db.query<MissionRow>(
    `select * from ops_missions where proposal_id = $1
     order by status = 'active' desc, created_at desc limit 1`,
    [proposalId],
  );
  return row ?? null;
}
