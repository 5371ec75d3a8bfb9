import type { Db } from '../db/database.ts';
import type { ClaimRef } from './schema.ts';

/**
 * Gives claims back without spending a failure: at shutdown, in a pause, or while a model is away.
 * @returns the ids of the steps that were given back; the claims of the others are lost
 */
export async function releaseSteps(
  db: Db,
  claims: ClaimRef[],
  why: { reason: string; message?: string; retryInMs?: number },
): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `with given as materialized (select * from unnest($1::uuid[], $2::uuid[]) as given(id, claim_id)),
     mine as materialized (
       select s.id, s.worker_id, given.claim_id from ops_steps s join given using (id)
       where s.claim_id = given.claim_id and s.status = 'running' order by s.id for update of s),
     released as (
       update ops_steps s
       set status = 'queued', worker_id = null, claim_id = null, claimed_at = null, ready = ($4::integer = 0),
           failure = case when $5::text is null then s.failure
             else jsonb_build_object('class', $3::text, 'message', $5::text, 'attempt', s.attempt) end,
           available_at = case when $4::integer > 0 then clock_timestamp() + $4::integer * interval '1 ms' end
       from mine where s.id = mine.id
       returning s.id, s.proposal_id, s.attempt, s.available_at, s.failure, mine.worker_id as by, mine.claim_id as was),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'step.released', 'worker', 'step', id::text, proposal_id,
         jsonb_build_object('from', 'running', 'to', 'queued',
           'cause', jsonb_build_object('by', by, 'reason', $3::text),
           'set', jsonb_build_object('failure', failure), 'claim_id', was, 'attempt', attempt, 'available_at', available_at)
       from released)
     select id from released`,
    [
      claims.map((claim) => claim.id),
      claims.map((claim) => claim.claim_id),
      why.reason,
      Math.max(0, Math.round(why.retryInMs ?? 0)),
      why.message ?? null,
    ],
  );
  return new Set(rows.map((row) => row.id));
}
