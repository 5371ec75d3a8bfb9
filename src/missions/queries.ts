import type { Db } from '../db/database.ts';
import type { MissionFilter, MissionRow } from './schema.ts';

export async function selectMission(db: Db, id: string): Promise<MissionRow | null> {
  const [row] = await db.query<MissionRow>('select * from ops_missions where id = $1', [id]);
  return row ?? null;
}

/** The newest first. */
export function selectPage(
  db: Db,
  filter: MissionFilter & { id?: string | undefined },
  beforeId: string | null,
  most: number,
): Promise<{ id: string; title: string }[]> {
  return db.query<{ id: string; title: string }>(
    `select id, title from ops_missions
     where ($1::text is null or status = $1)
       and ($2::text is null or agent_id = $2)
       and ($3::uuid is null or proposal_id = $3)
       and ($4::uuid is null or id < $4)
       and ($5::uuid is null or id = $5)
     order by id desc limit $6`,
    [
      filter.status ?? null,
      filter.agentId ?? null,
      filter.proposalId ?? null,
      beforeId,
      filter.id ?? null,
      most,
    ],
  );
}

/** The newest first. */
export function selectMissions(db: Db, ids: string[]): Promise<MissionRow[]> {
  return db.query<MissionRow>('select * from ops_missions where id = any ($1::uuid[]) order by id desc', [
    ids,
  ]);
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
