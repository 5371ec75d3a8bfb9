import type { Db } from '../db/database.ts';
import type { StepFailure } from '../steps/schema.ts';
import { failMissions } from './fail-missions.ts';
import type { ClaimRef } from './schema.ts';

export type Failure = ClaimRef & {
  failure: Omit<StepFailure, 'attempt'>;
  /** No further attempt, whatever the limit says. */
  final: boolean;
  /** When the next attempt may begin, if there is one. */
  retryInMs: number;
  /** Kept with the failure: a review's negative verdict, for one. */
  output?: unknown;
};

/**
 * Fails an attempt by its claim. Below the limit the step is queued again; at the limit, or when the failure
 * is final, it is failed for good and so is its mission.
 * @returns null when the claim is lost
 */
export async function failStep(tx: Db, failure: Failure): Promise<{ final: boolean } | null> {
  const [step] = await tx.query<{ mission_id: string; final: boolean; step_id: string; worker_id: string }>(
    `with mine as materialized (
       select id, worker_id, ($4 or failures + 1 >= max_failures) as final from ops_steps
       where id = $1 and claim_id = $2 and status = 'running' for update),
     failed as (
       update ops_steps s
       set status = case when mine.final then 'failed' else 'queued' end,
           failures = failures + 1,
           failure = $3::jsonb || jsonb_build_object('attempt', attempt),
           output = case when mine.final then $6::jsonb end,
           completed_at = case when mine.final then now() end,
           available_at = case when not mine.final then clock_timestamp() + $5 * interval '1 ms' end,
           worker_id = case when mine.final then s.worker_id end,
           claimed_at = case when mine.final then s.claimed_at end,
           claim_id = case when mine.final then s.claim_id end
       from mine where s.id = mine.id
       returning s.*, mine.final, mine.worker_id as by),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select e.kind, 'worker', 'step', id::text, proposal_id, e.payload
       from failed, lateral (values
         (1, 'step.failed', jsonb_build_object('from', 'running', 'to', 'failed', 'final', final,
            'cause', jsonb_build_object('by', by, 'reason', failure ->> 'class'),
            'set', jsonb_build_object('claim_id', $2::uuid, 'attempt', attempt, 'failures', failures,
              'failure', failure, 'output', ops_digest(output::text)))),
         (2, 'step.requeued', jsonb_build_object('from', 'failed', 'to', 'queued',
            'cause', jsonb_build_object('by', by, 'reason', 'retry'), 'available_at', available_at))
         ) as e(n, kind, payload)
       where e.n = 1 or not final
       order by e.n)
     select id as step_id, mission_id, by as worker_id, final from failed`,
    [
      failure.id,
      failure.claim_id,
      JSON.stringify(failure.failure),
      failure.final,
      Math.max(0, Math.round(failure.retryInMs)),
      failure.output === undefined ? null : JSON.stringify(failure.output),
    ],
  );
  if (!step) return null;
  if (step.final) {
    await failMissions(tx, [
      {
        missionId: step.mission_id,
        outcome: 'failed',
        failure: {
          class: 'step_failed',
          message: failure.failure.message,
          step_id: step.step_id,
          cause: { by: step.worker_id, reason: failure.failure.class },
        },
      },
    ]);
  }
  return { final: step.final };
}
