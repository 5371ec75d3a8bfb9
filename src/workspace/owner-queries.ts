import type { Db } from '../db/database.ts';
import type { Halted, Mode, Ownership, WorkspaceRow } from './schema.ts';

/** Any number; whoever holds it decides who owns a workspace. */
const OWNER_LOCK = 7_073_004;
const LEASE_MS = 15_000;

export type Holder = { host: string; pid: number; start: string | null; place: string };
export type Held = { path: string; owner: string; holder: Holder | null };

/** Taken at the beginning of a transaction that decides who owns a workspace. */
export async function lockOwners(tx: Db): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [OWNER_LOCK]);
}

/** Whoever else has a lease on a workspace of this database right now. */
export function selectOtherOwners(tx: Db, owner: string): Promise<Held[]> {
  return tx.query<Held>(
    `select path, owner, holder from ops_workspaces
     where owner <> $1 and lease_expires_at > clock_timestamp()`,
    [owner],
  );
}

export async function selectWorkspace(db: Db, id: string): Promise<WorkspaceRow | null> {
  const [row] = await db.query<WorkspaceRow>(
    'select id, path, mode, halted from ops_workspaces where id = $1',
    [id],
  );
  return row ?? null;
}

/** The workspace that was last at this path. */
export async function workspaceAt(db: Db, path: string): Promise<string | null> {
  const [row] = await db.query<{ id: string }>(
    'select id from ops_workspaces where path = $1 order by created_at desc limit 1',
    [path],
  );
  return row?.id ?? null;
}

/** Makes this boot the owner; a mode or a place that is new is told of, and observing begins anew. */
export async function takeOwnership(
  tx: Db,
  given: Ownership & { path: string; mode: Mode; holder: Holder },
): Promise<WorkspaceRow> {
  const [row] = await tx.query<WorkspaceRow>(
    `with before as (select mode, path from ops_workspaces where id = $1),
     -- A database has one workspace at work: a lease of another one that ended cannot be renewed any more.
     others as (
       update ops_workspaces set owner = null, holder = null, lease_expires_at = null
       where id <> $1 and owner is not null),
     owned as (
       insert into ops_workspaces as w (id, path, mode, owner, holder, lease_expires_at)
       values ($1, $2, $3, $4, $5::jsonb, clock_timestamp() + $6 * interval '1 ms')
       on conflict (id) do update set path = excluded.path, mode = excluded.mode, owner = excluded.owner,
         holder = excluded.holder, lease_expires_at = excluded.lease_expires_at,
         observed_at = case when w.mode = excluded.mode then w.observed_at end
       returning *),
     events as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select case when before.mode is null then 'workspace.added'
           when before.mode <> owned.mode then 'workspace.mode_changed' else 'workspace.moved' end,
         'files', 'workspace', owned.id::text, jsonb_build_object('cause', jsonb_build_object('by', 'config'),
           'set', jsonb_build_object('path', owned.path, 'mode', owned.mode), 'was', before.mode)
       from owned left join before on true
       where before.mode is distinct from owned.mode or before.path is distinct from owned.path)
     select id, path, mode, halted from owned`,
    [given.workspaceId, given.path, given.mode, given.owner, JSON.stringify(given.holder), LEASE_MS],
  );
  if (!row) throw new Error('an insert returned no row');
  return row;
}

/** Keeps the lease; null when somebody else has it. */
export async function renewOwnership(
  db: Db,
  { workspaceId, owner }: Ownership,
): Promise<WorkspaceRow | null> {
  const [row] = await db.query<WorkspaceRow>(
    `update ops_workspaces set lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
     where id = $1 and owner = $2 returning id, path, mode, halted`,
    [workspaceId, owner, LEASE_MS],
  );
  return row ?? null;
}

/** Lets the next one take over at once. */
export async function giveUpOwnership(db: Db, { workspaceId, owner }: Ownership): Promise<void> {
  await db.query(
    `update ops_workspaces set owner = null, holder = null, lease_expires_at = null where id = $1 and owner = $2`,
    [workspaceId, owner],
  );
}

/** Whether the caller still owns the workspace, for the rest of its transaction. */
export async function holdOwnership(tx: Db, { workspaceId, owner }: Ownership): Promise<boolean> {
  const rows = await tx.query('select from ops_workspaces where id = $1 and owner = $2 for share', [
    workspaceId,
    owner,
  ]);
  return rows.length > 0;
}

/** Stops or resumes the taking of files. Returns whether that is a change. */
export async function setHalted(
  db: Db,
  workspaceId: string,
  halted: Halted | null,
  by: string,
): Promise<boolean> {
  const rows = await db.query(
    `with changed as (
       update ops_workspaces set halted = $2::jsonb
       where id = $1 and (halted is null) <> ($2::jsonb is null) returning id),
     events as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select case when $2::jsonb is null then 'workspace.resumed' else 'workspace.halted' end, 'files',
         'workspace', id::text, jsonb_build_object('cause', jsonb_build_object('by', $3::text),
           'set', jsonb_build_object('halted', $2::jsonb))
       from changed)
     select id from changed`,
    [workspaceId, halted === null ? null : JSON.stringify(halted), by],
  );
  return rows.length > 0;
}

/** Something about the workspace itself that an operator should know. */
export async function tellOfWorkspace(
  db: Db,
  workspaceId: string,
  kind: 'workspace.unavailable' | 'workspace.available' | 'file.refused',
  payload: Record<string, unknown>,
): Promise<void> {
  await db.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     values ($2, 'files', 'workspace', $1, $3::jsonb || jsonb_build_object('cause', jsonb_build_object('by', 'files')))`,
    [workspaceId, kind, JSON.stringify(payload)],
  );
}

/** Whether observing has begun in this workspace. */
export async function isObserved(db: Db, workspaceId: string): Promise<boolean> {
  const rows = await db.query('select from ops_workspaces where id = $1 and observed_at is not null', [
    workspaceId,
  ]);
  return rows.length > 0;
}

/** Observing begins now; what lies there already is counted. */
export async function noteObserved(
  db: Db,
  workspaceId: string,
  counts: { known: number; waiting: number },
): Promise<void> {
  await db.query(
    `with noted as (update ops_workspaces set observed_at = now() where id = $1 returning id)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'workspace.observed', 'files', 'workspace', id::text,
       $2::jsonb || jsonb_build_object('cause', jsonb_build_object('by', 'files'))
     from noted`,
    [workspaceId, JSON.stringify(counts)],
  );
}
