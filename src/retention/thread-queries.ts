import type { Db } from '../db/database.ts';

/** A proposal that ended long enough ago, and the family of task files that it belongs to, if any. */
export type Ended = { id: string; root_id: string | null };

/** By the order of their ids, which is that of their making, so that no index on the end of a mission is needed. */
export function selectEnded(
  tx: Db,
  given: { after: string; below: string; before: Date; limit: number },
): Promise<Ended[]> {
  return tx.query<Ended>(
    `select p.id, f.root_id from ops_proposals p left join ops_files f on f.proposal_id = p.id
     where p.id > $1 and p.id < $2 and p.status in ('rejected', 'completed')
       and coalesce(p.completed_at, p.decided_at) < $3
     order by p.id limit $4`,
    [given.after, given.below, given.before, given.limit],
  );
}

/** A task file of a family. They refer to each other, so they are kept or dropped together. */
export type Relative = { id: string; root_id: string; proposal_id: string | null; over: boolean };

export function selectFamilies(tx: Db, roots: string[], before: Date): Promise<Relative[]> {
  return tx.query<Relative>(
    `select id, root_id, proposal_id, status = 'finished' and finished_at < $2 as over
     from ops_files where root_id = any($1::uuid[]) order by root_id, id`,
    [roots, before],
  );
}

/** Locks what nobody else holds. A retry that comes now waits, and then finds nothing to retry. */
export async function lockProposals(tx: Db, ids: string[]): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>(
    'select id from ops_proposals where id = any($1::uuid[]) order by id for update skip locked',
    [ids],
  );
  return new Set(rows.map((row) => row.id));
}

/** Those of them that are still in use: not ended, ended lately, tried again, or with an output to be written. */
export async function selectInUse(tx: Db, ids: string[], before: Date): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>(
    `select p.id from ops_proposals p
     where p.id = any($1::uuid[]) and not (
       p.status in ('rejected', 'completed') and coalesce(p.completed_at, p.decided_at) < $2
       and not exists (select from ops_missions m
         where m.proposal_id = p.id and (m.completed_at is null or m.completed_at >= $2)))
     union all
     select a.proposal_id from ops_artefacts a where a.written_at is null and a.proposal_id = any($1::uuid[])`,
    [ids, before],
  );
  return new Set(rows.map((row) => row.id));
}

export type Deleted = { proposals: number; missions: number; steps: number; outputs: number; files: number };

/** Deletes the proposals and everything that hangs on them, in one statement, so that no reference stays behind. */
export async function deleteThreads(tx: Db, proposals: string[], files: string[]): Promise<Deleted> {
  const [row] = await tx.query<Deleted>(
    `with missions as materialized (select id from ops_missions where proposal_id = any($1::uuid[])),
     steps as materialized (select s.id from missions m join ops_steps s on s.mission_id = m.id),
     names as materialized (
       select a.name from steps join ops_artefacts a on a.step_id = steps.id
       union select name from ops_artefacts where file_id = any($2::uuid[])),
     outputs as (delete from ops_artefacts a using names where a.name = names.name returning 1),
     files as (delete from ops_files where id = any($2::uuid[]) returning 1),
     calls as (delete from ops_llm_calls c using steps where c.step_id = steps.id),
     gone_steps as (delete from ops_steps s using steps where s.id = steps.id returning 1),
     gone_missions as (delete from ops_missions m using missions where m.id = missions.id returning 1),
     gone as (delete from ops_proposals where id = any($1::uuid[]) returning 1)
     select (select count(*) from gone) as proposals, (select count(*) from gone_missions) as missions,
       (select count(*) from gone_steps) as steps, (select count(*) from outputs) as outputs,
       (select count(*) from files) as files`,
    [proposals, files],
  );
  return row ?? { proposals: 0, missions: 0, steps: 0, outputs: 0, files: 0 };
}

/** The beginning of the day, `days` days ago: so each day has one time at which things become old. */
export async function selectCutoff(db: Db, days: number): Promise<Date> {
  const [row] = await db.query<{ before: Date }>(
    `select (date_trunc('day', clock_timestamp() at time zone 'UTC') - make_interval(days => $1))
       at time zone 'UTC' as before`,
    [days],
  );
  if (!row) throw new Error('the database told no time');
  return row.before;
}
