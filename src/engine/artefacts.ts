import type { Db } from '../db/database.ts';
import type { Claim } from './schema.ts';

/** Fixes an artefact's name and content, in the transaction that completes its step. */
export async function insertArtefact(
  tx: Db,
  claim: Claim,
  artefact: { name: string; content: string },
): Promise<void> {
  await tx.query(
    `with stored as (
       insert into ops_artefacts (name, step_id, proposal_id, content) values ($1, $2, $3, $4) returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'artefact.created', 'worker', 'artefact', name, proposal_id, jsonb_build_object(
       'cause', jsonb_build_object('by', 'step:' || step_id), 'set',
       jsonb_build_object('step_id', step_id, 'content', ops_digest(content)))
     from stored`,
    [artefact.name, claim.id, claim.proposal_id, artefact.content],
  );
}

/** The same for what answers a task file: an output, a note or a refusal, which no step publishes. */
export async function insertFileArtefact(
  tx: Db,
  artefact: { name: string; content: string; fileId: string; proposalId: string | null },
): Promise<void> {
  await tx.query(
    `with stored as (
       insert into ops_artefacts (name, file_id, proposal_id, content) values ($1, $2, $3, $4) returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'artefact.created', 'files', 'artefact', name, proposal_id, jsonb_build_object(
       'cause', jsonb_build_object('by', 'file:' || file_id), 'set',
       jsonb_build_object('file_id', file_id, 'content', ops_digest(content)))
     from stored`,
    [artefact.name, artefact.fileId, artefact.proposalId, artefact.content],
  );
}

export type Artefact = { name: string; content: string };

/** Artefacts whose file is not known to be written, the oldest first; those of another workspace's files wait for it. */
export function unwrittenArtefacts(
  db: Db,
  workspaceId: string,
  limit: number,
  except: string[],
): Promise<Artefact[]> {
  return db.query<Artefact>(
    `select name, content from ops_artefacts
     where written_at is null and name <> all ($2::text[])
       and (file_id is null or exists (select from ops_files f where f.id = file_id and f.workspace_id = $3))
     order by created_at, name limit $1`,
    [limit, except, workspaceId],
    'opsloop_unwritten',
  );
}

/** Notes that the file is in place; a second note changes nothing. */
export async function markWritten(db: Db, name: string): Promise<void> {
  await db.query(
    `with marked as (
       update ops_artefacts set written_at = now() where name = $1 and written_at is null returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.output_created', 'workspace', 'artefact', name, proposal_id,
       jsonb_build_object('cause', jsonb_build_object('by',
         coalesce('step:' || step_id, 'file:' || file_id)), 'filename', name, 'dir', 'outputs')
     from marked`,
    [name],
  );
}
