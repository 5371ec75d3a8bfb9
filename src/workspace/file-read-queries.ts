import type { Db } from '../db/database.ts';
import type { FileRow, ListedFile, OpenFile } from './schema.ts';

/** All that is not finished, in the order in which it was taken; without the texts of planned files. */
export function selectOpen(db: Db, workspaceId: string): Promise<OpenFile[]> {
  return db.query<OpenFile>(
    `select id, name, form, status, digest, inode, agent_id, proposal_id, parent_id, after_id, note
     from ops_files where workspace_id = $1 and status <> 'finished' order by id`,
    [workspaceId],
    'opsloop_open_files',
  );
}

export async function openNames(db: Db, workspaceId: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select name from ops_files where workspace_id = $1 and status <> 'finished'`,
    [workspaceId],
  );
  return rows.map((row) => row.name);
}

/** Files that answers asked for and that are not in the inbox yet. */
export function selectUnplaced(
  db: Db,
  workspaceId: string,
  except: string[],
  limit: number,
): Promise<FileRow[]> {
  return db.query<FileRow>(
    `select * from ops_files where workspace_id = $1 and status = 'planned' and inode is null
       and id <> all ($3::uuid[])
     order by id limit $2`,
    [workspaceId, limit, except],
    'opsloop_unplaced',
  );
}

export async function isTaken(db: Db, id: string): Promise<boolean> {
  const rows = await db.query(`select from ops_files where id = $1 and status = 'taken'`, [id]);
  return rows.length > 0;
}

/** A taken file whose proposal has ended, or waits for an operator and nobody was told yet. */
export type Attention = FileRow & {
  /** The file whose answer asked for it. */
  parent: string | null;
  proposal_status: 'pending' | 'rejected' | 'completed';
  outcome: 'succeeded' | 'failed' | 'cancelled' | null;
  decision: { by: string; reason: string } | null;
  body: string | null;
};

export function selectAttention(
  db: Db,
  workspaceId: string,
  except: string[],
  limit: number,
): Promise<Attention[]> {
  return db.query<Attention>(
    `select f.*, p.status as proposal_status, p.outcome, p.decision, p.body,
       (select name from ops_files where id = f.parent_id) as parent
     from ops_files f join ops_proposals p on p.id = f.proposal_id
     where f.workspace_id = $1 and f.status = 'taken'
       and (p.status = 'rejected' or (p.status = 'pending' and f.note is null)
         -- A retry is under way as long as a mission is active.
         or (p.status = 'completed' and not exists (
           select from ops_missions m where m.proposal_id = p.id and m.status = 'active')))
       and f.id <> all ($3::uuid[])
     order by f.id limit $2`,
    [workspaceId, limit, except],
    'opsloop_file_attention',
  );
}

/** A settled file whose output is in place, with the text it was taken with. */
export type Finishable = FileRow & { body: string | null };

export function selectFinishable(
  db: Db,
  workspaceId: string,
  except: string[],
  limit: number,
): Promise<Finishable[]> {
  return db.query<Finishable>(
    `select f.*, case when p.original is null then p.body else p.original ->> 'body' end as body
     from ops_files f join ops_artefacts a on a.name = f.output
     left join ops_proposals p on p.id = f.proposal_id
     where f.workspace_id = $1 and f.status = 'settled' and a.written_at is not null
       and f.id <> all ($3::uuid[])
     order by f.id limit $2`,
    [workspaceId, limit, except],
    'opsloop_files_finishable',
  );
}

export type End = {
  output: unknown;
  kind: string | null;
  failure: string | null;
  /** Whether a worker had begun the step that failed. */
  begun: boolean;
};

/** The last thing the proposal's newest mission produced, and why it failed if it did. */
export async function selectEnd(db: Db, proposalId: string): Promise<End> {
  const [row] = await db.query<End>(
    `with mission as (
       select id, failure from ops_missions where proposal_id = $1 order by created_at desc, id desc limit 1)
     select last.output, last.kind, mission.failure ->> 'message' as failure,
       exists (select from ops_steps s where s.mission_id = mission.id and s.status = 'failed'
         and (s.failure ->> 'class' in ('outcome_unknown', 'worker_died', 'stale')
           or (s.failure ->> 'class' = 'cancelled' and s.claimed_at is not null))) as begun
     from mission left join lateral (
       select output, kind from ops_steps
       where mission_id = mission.id and output is not null order by position desc limit 1) as last on true`,
    [proposalId],
  );
  return row ?? { output: null, kind: null, failure: null, begun: false };
}

export async function selectChildren(db: Db, parentId: string): Promise<FileRow[]> {
  return db.query<FileRow>('select * from ops_files where parent_id = $1 order by id', [parentId]);
}

/** Which of these output names the database has given away already. */
export async function takenOutputs(db: Db, names: string[]): Promise<Set<string>> {
  const rows = await db.query<{ name: string }>(
    'select name from ops_artefacts where name = any ($1::text[])',
    [names],
  );
  return new Set(rows.map((row) => row.name));
}

export type FileFilter = { stem?: string | undefined; status?: 'open' | 'finished' | undefined };

/** Files as people ask for them, the newest first. */
export function selectFiles(
  db: Db,
  filter: FileFilter,
  beforeId: string | null,
  limit: number,
): Promise<ListedFile[]> {
  return db.query(
    `select f.id, f.name, f.form, f.status, f.result, f.agent_id, f.proposal_id, p.status as proposal_status, f.output,
       f.note, f.parent_id, f.root_id, f.depth, f.created_at, f.finished_at
     from ops_files f left join ops_proposals p on p.id = f.proposal_id
     where ($1::text is null or f.name = $1 || '.txt')
       and ($2::text is null or (f.status = 'finished') = ($2 = 'finished'))
       and ($3::uuid is null or f.id < $3)
     order by f.id desc limit $4`,
    [filter.stem ?? null, filter.status ?? null, beforeId, limit],
  );
}

export async function selectWorkspaceOf(db: Db, proposalId: string): Promise<string | null> {
  const [row] = await db.query<{ workspace_id: string }>(
    'select workspace_id from ops_files where proposal_id = $1',
    [proposalId],
  );
  return row?.workspace_id ?? null;
}
