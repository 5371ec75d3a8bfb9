import type { Db } from '../db/database.ts';

/** Workers that ended long ago and that no kept step names. Steps that such a worker could have worked are older than `below`. */
export async function selectOldWorkers(
  db: Db,
  given: { before: Date; below: string; limit: number },
): Promise<string[]> {
  const rows = await db.query<{ worker_id: string }>(
    `select worker_id from ops_workers w
     where ended_at < $1 and not exists (select from ops_steps s where s.id < $2 and s.worker_id = w.worker_id)
     order by ended_at limit $3`,
    [given.before, given.below, given.limit],
  );
  return rows.map((row) => row.worker_id);
}

/** A file that could never be a task: no proposal has it, and its refusal is its only output. */
export type Unusable = { id: string; outputs: string[] };

export function selectOldUnusable(db: Db, before: Date, limit: number): Promise<Unusable[]> {
  return db.query<Unusable>(
    `select f.id, array(select a.name from ops_artefacts a where a.file_id = f.id) as outputs
     from ops_files f
     where f.proposal_id is null and f.parent_id is null and f.status = 'finished' and f.finished_at < $1
       and not exists (select from ops_artefacts a where a.file_id = f.id and a.written_at is null)
     order by f.id limit $2`,
    [before, limit],
  );
}

/** Deletes workers, refused files with their outputs, and the rows of beats, the oldest first. */
export async function deleteLeftovers(
  tx: Db,
  given: { workers: string[]; files: string[]; before: Date; limit: number },
): Promise<{ workers: number; files: number; beats: number; action_runs: number }> {
  const [row] = await tx.query<{ workers: number; files: number; beats: number; action_runs: number }>(
    `with outputs as (delete from ops_artefacts where file_id = any($2::uuid[])),
     files as (delete from ops_files where id = any($2::uuid[]) returning 1),
     workers as (delete from ops_workers where worker_id = any($1::text[]) returning 1),
     runs as (
       delete from ops_action_runs r using (
         select id from (select id, created_at from ops_action_runs order by id limit $4) as first
         where created_at < $3) as old
       where r.id = old.id returning 1),
     beats as (
       delete from ops_beats b using (
         select id from ops_beats where finished_at < $3 order by finished_at limit $4) as old
       where b.id = old.id returning 1)
     select (select count(*) from workers) as workers, (select count(*) from files) as files,
       (select count(*) from beats) as beats, (select count(*) from runs) as action_runs`,
    [given.workers, given.files, given.before, given.limit],
  );
  return row ?? { workers: 0, files: 0, beats: 0, action_runs: 0 };
}

/** Whether rows of beats are old enough to be deleted. */
export async function anyOldBeats(db: Db, before: Date): Promise<boolean> {
  const [row] = await db.query<{ any: boolean }>(
    `select exists (select from ops_beats where finished_at < $1)
       or coalesce((select created_at < $1 from ops_action_runs order by id limit 1), false) as any`,
    [before],
  );
  return row?.any ?? false;
}
