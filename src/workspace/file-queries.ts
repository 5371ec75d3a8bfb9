import type { Db } from '../db/database.ts';
import type { FileResult, FileRow, Form, ListedFile, OpenFile, Ownership } from './schema.ts';

const MINE = `mine as materialized (select id from ops_workspaces where id = $1 and owner = $2 for share)`;

/** What stays the same in the events of a file: its name as people know it. */
const NAMED = `'filename', f.name, 'stem', regexp_replace(f.name, '\\.txt$', ''), 'dir', 'inbox'`;

const SET = `'set', jsonb_build_object('result', f.result, 'output', f.output, 'workspace_id', f.workspace_id, 'name', f.name, 'form', f.form,
  'digest', f.digest, 'inode', f.inode, 'agent_id', f.agent_id, 'proposal_id', f.proposal_id,
  'parent_id', f.parent_id, 'root_id', f.root_id, 'depth', f.depth, 'after_id', f.after_id)`;

/** The thread of a file that is no proposal yet, or never becomes one: that of the answer which asked for it. */
const THREAD = `coalesce(f.proposal_id, (select proposal_id from ops_files parent where parent.id = f.parent_id))`;

export type NewFile = Pick<FileRow, 'id' | 'name' | 'form' | 'digest' | 'inode' | 'agent_id'>;

/** A person's file is a proposal now. False when the workspace is somebody else's by now. */
export async function insertTaken(
  tx: Db,
  { workspaceId, owner }: Ownership,
  file: NewFile & { proposalId: string; role: string | null },
): Promise<boolean> {
  const rows = await tx.query(
    `with ${MINE},
     f as (
       insert into ops_files (id, workspace_id, name, form, status, digest, inode, agent_id, proposal_id, root_id)
       select $3, mine.id, $4, $5, 'taken', $6, $7, $8, $9, $3 from mine returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_created', 'files', 'file', f.id::text, f.proposal_id, jsonb_build_object('from', null,
       'to', 'taken', 'cause', jsonb_build_object('by', 'files'), ${NAMED}, 'role', $10::text, ${SET})
     from f returning id`,
    [
      workspaceId,
      owner,
      file.id,
      file.name,
      file.form,
      file.digest,
      file.inode,
      file.agent_id,
      file.proposalId,
      file.role,
    ],
    'opsloop_take_file',
  );
  return rows.length > 0;
}

/** A task that an answer asked for is a proposal now. */
export async function takePlanned(
  tx: Db,
  { workspaceId, owner }: Ownership,
  file: { id: string; form: Form; proposalId: string },
): Promise<boolean> {
  const rows = await tx.query(
    `with ${MINE},
     f as (
       update ops_files set status = 'taken', form = $4, content = null, proposal_id = $5
       from mine where ops_files.id = $3 and status = 'planned' returning ops_files.*)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_created', 'files', 'file', f.id::text, f.proposal_id, jsonb_build_object('from', 'planned',
       'to', 'taken', 'cause', jsonb_build_object('by', 'file:' || f.parent_id), ${NAMED}, ${SET})
     from f returning id`,
    [workspaceId, owner, file.id, file.form, file.proposalId],
  );
  return rows.length > 0;
}

export type NewPlanned = {
  id: string;
  name: string;
  form: Form;
  digest: string;
  content: string;
  after_id: string | null;
};

/** Notes the tasks that an answer asks for; their files follow. */
export async function insertPlanned(
  tx: Db,
  parent: Pick<FileRow, 'id' | 'workspace_id' | 'root_id' | 'depth' | 'agent_id' | 'proposal_id'>,
  tasks: NewPlanned[],
): Promise<void> {
  await tx.query(
    `with f as (
       insert into ops_files (id, workspace_id, name, form, status, digest, content, agent_id, parent_id, root_id,
         depth, after_id)
       select id, $2, name, form, 'planned', digest, content, $5, $3, $4, $6, after_id
       from rows from (jsonb_to_recordset($1::jsonb) as
         (id uuid, name text, form text, digest text, content text, after_id uuid)) with ordinality
       order by ordinality
       returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_planned', 'files', 'file', f.id::text, $7, jsonb_build_object('from', null, 'to', 'planned',
       'cause', jsonb_build_object('by', 'file:' || f.parent_id), ${NAMED}, ${SET})
     from f order by f.id`,
    [
      JSON.stringify(tasks),
      parent.workspace_id,
      parent.id,
      parent.root_id,
      parent.agent_id,
      parent.depth + 1,
      parent.proposal_id,
    ],
  );
}

/** How many tasks answers have asked for under this root; the root stays locked until the commit. */
export async function countUnderRoot(tx: Db, rootId: string): Promise<number> {
  await tx.query('select from ops_files where id = $1 for update', [rootId]);
  const [row] = await tx.query<{ count: number }>(
    'select count(*)::integer as count from ops_files where root_id = $1 and id <> $1',
    [rootId],
  );
  return row?.count ?? 0;
}

/**
 * Where a planned file is by now; its name can be another than planned, when somebody else took that. False when
 * the file is not planned any more, or the workspace somebody else's.
 */
export async function notePlanned(
  db: Db,
  { workspaceId, owner }: Ownership,
  id: string,
  placed: { name: string; inode: string | null },
): Promise<boolean> {
  const rows = await db.query(
    `with ${MINE},
     f as (
       update ops_files set name = $4, inode = $5 from mine
       where ops_files.id = $3 and status = 'planned' returning ops_files.*)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_placed', 'files', 'file', f.id::text, ${THREAD}, jsonb_build_object(
       'cause', jsonb_build_object('by', 'files'), ${NAMED}, ${SET})
     from f returning id`,
    [workspaceId, owner, id, placed.name, placed.inode],
  );
  return rows.length > 0;
}

/** A file that can never be a task is settled at once. */
export async function insertUnusable(
  tx: Db,
  workspaceId: string,
  file: NewFile & { output: string },
): Promise<void> {
  await tx.query(
    `with f as (
       insert into ops_files (id, workspace_id, name, form, status, digest, inode, agent_id, root_id, result, output)
       values ($1, $2, $3, $4, 'settled', $5, $6, $7, $1, 'failed', $8) returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'file.task_unusable', 'files', 'file', f.id::text, jsonb_build_object('from', null, 'to', 'settled',
       'cause', jsonb_build_object('by', 'files'), ${NAMED}, ${SET})
     from f`,
    [file.id, workspaceId, file.name, file.form, file.digest, file.inode, file.agent_id, file.output],
  );
}

/** Fixes how a task ended and which output says so. False when it was settled already. */
export async function settle(
  tx: Db,
  id: string,
  ended: { result: FileResult; output: string },
): Promise<boolean> {
  const rows = await tx.query(
    `with f as (
       update ops_files set status = 'settled', result = $2, output = $3
       where id = $1 and status = 'taken' returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_settled', 'files', 'file', f.id::text, f.proposal_id, jsonb_build_object('from', 'taken',
       'to', 'settled', 'cause', jsonb_build_object('by', 'proposal:' || f.proposal_id), ${NAMED},
       'set', jsonb_build_object('result', f.result, 'output', f.output))
     from f returning id`,
    [id, ended.result, ended.output],
  );
  return rows.length > 0;
}

/** An operator has to decide, and this note says how. */
export async function noteApproval(tx: Db, id: string, note: string): Promise<void> {
  await tx.query(
    `with f as (update ops_files set note = $2 where id = $1 and status = 'taken' returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.approval_needed', 'files', 'file', f.id::text, f.proposal_id, jsonb_build_object(
       'cause', jsonb_build_object('by', 'files'), ${NAMED}, 'set', jsonb_build_object('note', f.note))
     from f`,
    [id, note],
  );
}

/** The file in the inbox is renamed: the last thing that happens to a task file. */
export async function finish(
  db: Db,
  { workspaceId, owner }: Ownership,
  id: string,
  filename: string,
): Promise<void> {
  await db.query(
    `with ${MINE},
     f as (
       update ops_files set status = 'finished', finished_at = now() from mine
       where ops_files.id = $3 and status = 'settled' returning ops_files.*)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select case when f.result = 'done' then 'file.task_completed' else 'file.task_failed' end, 'files', 'file',
       f.id::text, f.proposal_id, jsonb_build_object('from', 'settled', 'to', 'finished',
         'cause', jsonb_build_object('by', 'files'), 'filename', $4::text,
         'stem', regexp_replace(f.name, '\\.txt$', ''), 'dir', 'inbox', 'result', f.result, 'output', f.output)
     from f`,
    [workspaceId, owner, id, filename],
  );
}

/** Another file has taken its place before it was worked; nothing is left to be done for it. */
export async function markReplaced(db: Db, { workspaceId, owner }: Ownership, id: string): Promise<boolean> {
  const rows = await db.query(
    `with ${MINE},
     f as (
       update ops_files set status = 'finished', result = 'replaced', content = null, finished_at = now()
       from mine where ops_files.id = $3 and status in ('planned', 'taken') returning ops_files.*)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_replaced', 'files', 'file', f.id::text, ${THREAD}, jsonb_build_object(
       'from', case when f.proposal_id is null then 'planned' else 'taken' end, 'to', 'finished',
       'cause', jsonb_build_object('by', 'files'), ${NAMED}, 'set',
       jsonb_build_object('result', 'replaced'))
     from f returning id`,
    [workspaceId, owner, id],
  );
  return rows.length > 0;
}

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
