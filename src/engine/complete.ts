import type { Db } from '../db/database.ts';
import type { ClaimRef } from './schema.ts';

export type Completion = ClaimRef & {
  output: unknown;
  /** Its worker, where one caller speaks for several. */
  by?: string;
};

/**
 * Completes steps by their claims, and in the same statement makes each mission's next step claimable or,
 * after the last one, settles the mission and its proposal.
 *
 * Its event names the claim that was given, not that of the row: if the two could ever differ, the log would say so.
 *
 * What is running or active is recognised by `completed_at is null`: by `status` the planner may walk a partial
 * index of all running steps for each row, because when it last counted there were none.
 * @returns the ids of the steps that were completed now; the claims of the others are lost
 * @throws AppError database_busy after 5 s of waiting for a row that somebody else holds
 */
export async function completeSteps(db: Db, completions: Completion[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `with patience as materialized (select set_config('lock_timeout', '5s', true)),
     given as materialized (
       select given.* from patience, unnest($1::uuid[], $2::uuid[], $3::text[]) as given(id, claim_id, output)),
     done as (
       update ops_steps s set status = 'completed', output = given.output::jsonb, completed_at = now()
       from given
       where s.id = given.id and s.claim_id = given.claim_id and s.completed_at is null
       returning s.id, s.mission_id, s.position, s.proposal_id, s.attempt, given.claim_id, s.worker_id, s.output),
     ended as materialized (
       select done.*, next.id as next_step from done left join lateral (
         select id from ops_steps later
         where later.mission_id = done.mission_id and later.position > done.position
         order by later.position limit 1) as next on true),
     released as (
       update ops_steps n set ready = true
       from ended where n.id = ended.next_step and n.status = 'queued'),
     settled as (
       update ops_missions m set status = 'completed', completed_at = now()
       from ended where ended.next_step is null and m.id = ended.mission_id and m.completed_at is null
       returning m.id, m.proposal_id, m.retry_of, ended.id as step_id),
     closed as (
       update ops_proposals p set status = 'completed', outcome = 'succeeded', completed_at = now()
       from settled where p.id = settled.proposal_id and p.status in ('approved', 'completed')
       returning p.id, settled.id as mission_id, settled.retry_of),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select kind, source, entity, entity_id::text, proposal_id, constant::jsonb || payload from (
         select 1 as n, 'step.completed' as kind, 'worker' as source, 'step' as entity, id as entity_id, proposal_id,
           '{"from": "running", "to": "completed"}' as constant,
           jsonb_build_object('cause', jsonb_build_object('by', worker_id),
             'set', jsonb_build_object('claim_id', claim_id, 'attempt', attempt, 'output', ops_digest(output::text)),
             'next_step', next_step) as payload
         from ended
         union all
         select 2, 'mission.completed', 'missions', 'mission', id, proposal_id,
           '{"from": "active", "to": "completed"}',
           jsonb_build_object('cause', jsonb_build_object('by', 'step:' || step_id))
         from settled
         union all
         select 3, case when retry_of is null then 'proposal.completed' else 'proposal.outcome_changed' end,
           'proposals', 'proposal', id, id,
           case when retry_of is null
             then '{"from": "approved", "to": "completed", "set": {"outcome": "succeeded"}}'
             else '{"from": "completed", "to": "completed", "set": {"outcome": "succeeded"}}' end,
           jsonb_build_object('cause', jsonb_build_object('by', 'mission:' || mission_id))
         from closed) as e
       order by n)
     select id from done`,
    [
      completions.map((one) => one.id),
      completions.map((one) => one.claim_id),
      completions.map((one) => JSON.stringify(one.output ?? null)),
    ],
    'opsloop_complete',
  );
  return new Set(rows.map((row) => row.id));
}
