import type { Db } from '../db/database.ts';
import type { Ownership } from './schema.ts';

export type Seen = { dir: 'inbox' | 'outputs'; name: string; version: string };

export function selectSeen(db: Db, workspaceId: string): Promise<Seen[]> {
  return db.query<Seen>('select dir, name, version from ops_files_seen where workspace_id = $1', [
    workspaceId,
  ]);
}

/** What was seen before observing began anew. */
export async function forgetAllSeen(db: Db, workspaceId: string): Promise<void> {
  await db.query('delete from ops_files_seen where workspace_id = $1', [workspaceId]);
}

/** Remembers what is there without telling of it. */
export async function rememberSeen(db: Db, workspaceId: string, seen: Seen[]): Promise<void> {
  await db.query(
    `insert into ops_files_seen (workspace_id, dir, name, version)
     select $1, * from unnest($2::text[], $3::text[], $4::text[]) on conflict do nothing`,
    [workspaceId, seen.map((one) => one.dir), seen.map((one) => one.name), seen.map((one) => one.version)],
  );
}

export async function forgetSeen(
  db: Db,
  workspaceId: string,
  gone: Pick<Seen, 'dir' | 'name'>[],
): Promise<void> {
  await db.query(
    `delete from ops_files_seen where workspace_id = $1
       and (dir, name) in (select * from unnest($2::text[], $3::text[]))`,
    [workspaceId, gone.map((one) => one.dir), gone.map((one) => one.name)],
  );
}

/**
 * Tells of files that others have made, each version once: an observer that was cut off before its answer
 * finds them remembered. Outputs of our own are told of when they are written, so they are only remembered.
 */
export async function tellSeen(
  tx: Db,
  { workspaceId, owner }: Ownership,
  seen: (Seen & { kinds: string[]; stem: string })[],
): Promise<void> {
  await tx.query(
    `with mine as materialized (select id from ops_workspaces where id = $1 and owner = $2 for share),
     given as materialized (
       select * from rows from (jsonb_to_recordset($3::jsonb) as
         (dir text, name text, version text, kinds text[], stem text)) with ordinality),
     fresh as (
       insert into ops_files_seen as s (workspace_id, dir, name, version)
       select mine.id, dir, name, version from given, mine
       on conflict (workspace_id, dir, name) do update set version = excluded.version
         where s.version <> excluded.version
       returning dir, name)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select kind, 'files', 'workspace', $1::text, jsonb_build_object('cause', jsonb_build_object('by', 'observer'),
       'filename', name, 'stem', given.stem, 'dir', dir)
     from given join fresh using (dir, name), unnest(given.kinds) with ordinality as k (kind, n)
     where not (dir = 'outputs' and exists (select from ops_artefacts a where a.name = given.name))
     order by given.ordinality, k.n`,
    [workspaceId, owner, JSON.stringify(seen)],
  );
}
