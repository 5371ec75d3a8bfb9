import type { Db } from '../db/database.ts';
import type { FileResult, FileRow, Form, Ownership } from './schema.ts';

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
