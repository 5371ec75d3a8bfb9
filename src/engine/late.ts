import type { Db } from '../db/database.ts';
import type { Completion } from './complete.ts';
import type { ClaimRef } from './schema.ts';

/** Which of these claims did complete their step: the answer to a commit whose own answer was lost. */
export async function completedBy(db: Db, claims: ClaimRef[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `select s.id from ops_steps s join unnest($1::uuid[], $2::uuid[]) as given(id, claim_id)
       on s.id = given.id and s.claim_id = given.claim_id
     where s.status = 'completed'`,
    [claims.map((claim) => claim.id), claims.map((claim) => claim.claim_id)],
  );
  return new Set(rows.map((row) => row.id));
}

/** A result that came after its claim was lost is not stored as output; this keeps the evidence. */
export async function recordLate(db: Db, late: Completion[], workerId: string): Promise<void> {
  await db.query(
    `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'step.late_result', 'worker', 'step', s.id::text, s.proposal_id, jsonb_build_object(
       'cause', jsonb_build_object('by', given.by, 'reason', 'claim lost'), 'claim_id', given.claim_id,
       'output', ops_digest(given.output), 'found', jsonb_build_object('status', s.status, 'claim_id', s.claim_id))
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as given(id, claim_id, output, by)
       join ops_steps s on s.id = given.id`,
    [
      late.map((one) => one.id),
      late.map((one) => one.claim_id),
      late.map((one) => JSON.stringify(one.output ?? null)),
      late.map((one) => one.by ?? workerId),
    ],
  );
}
