import type { Db } from '../db/database.ts';
import type { PriorOutput, StepFilter, StepRow } from './schema.ts';

export async function selectStep(db: Db, id: string): Promise<StepRow | null> {
  const [row] = await db.query<StepRow>('select * from ops_steps where id = $1', [id]);
  return row ?? null;
}

export function selectStepsOf(db: Db, missionIds: string[]): Promise<StepRow[]> {
  return db.query<StepRow>(
    'select * from ops_steps where mission_id = any($1::uuid[]) order by mission_id, position',
    [missionIds],
  );
}

/** The newest first. Of a worker's steps only those that run have an index; of the others the caller chooses. */
export function selectPage(
  db: Db,
  filter: StepFilter,
  beforeId: string | null,
  most: number,
): Promise<{ id: string; worker_id: string | null }[]> {
  return db.query<{ id: string; worker_id: string | null }>(
    `select id, worker_id from ops_steps
     where ($1::text is null or status = $1)
       and ($2::text is null or kind = $2)
       and ($3::text is null or agent_id = $3)
       and ($4::uuid is null or mission_id = $4)
       and ($5::text is null or $1::text is distinct from 'running' or worker_id = $5)
       and ($6::uuid is null or id < $6)
     order by id desc limit $7`,
    [
      filter.status ?? null,
      filter.kind ?? null,
      filter.agentId ?? null,
      filter.missionId ?? null,
      filter.workerId ?? null,
      beforeId,
      most,
    ],
  );
}

/** All columns, but neither input nor output: their contents can lie apart and are then not read. */
const SLIM = `id, mission_id, kind, title, null as input, null as output, status, worker_id, claimed_at, completed_at,
  created_at, position, agent_id, proposal_id, priority, queue_no, ready, available_at, claim_id, attempt, failures,
  max_failures, failure`;

/** The newest first. */
export function selectSteps(db: Db, ids: string[], slim: boolean): Promise<StepRow[]> {
  return db.query<StepRow>(
    `select ${slim ? SLIM : '*'} from ops_steps where id = any ($1::uuid[]) order by id desc`,
    [ids],
  );
}

/** Outputs of the completed steps before a position, through the missions that this one continues. */
export function selectPriorOutputs(db: Db, missionId: string, position: number): Promise<PriorOutput[]> {
  return db.query<PriorOutput>(
    `with recursive lineage as (
       select id, retry_of from ops_missions where id = $1
       union all
       select m.id, m.retry_of from ops_missions m join lineage on m.id = lineage.retry_of)
     select kind, title, output from ops_steps
     where mission_id in (select id from lineage) and status = 'completed' and position < $2
     order by position`,
    [missionId, position],
    'opsloop_prior',
  );
}

/** How many claimable steps of its kind come before this one: its own agent's, and those of a higher priority. */
export async function countAhead(db: Db, step: StepRow, most: number): Promise<number> {
  const [row] = await db.query<{ ahead: number }>(
    `select count(*)::integer as ahead from (
       (select from ops_steps where ready and kind = $1 and priority > $2 limit $5)
       union all
       (select from ops_steps
        where ready and kind = $1 and priority = $2 and agent_id = $3 and queue_no < $4 limit $5)
       limit $5) as before`,
    [step.kind, step.priority, step.agent_id, step.queue_no, most],
  );
  return row?.ahead ?? 0;
}
