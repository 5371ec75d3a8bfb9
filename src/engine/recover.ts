import type { Db } from '../db/database.ts';
import { failMissions } from './fail-missions.ts';

export type Recovered = { requeued: number; failed: number };

/** Which running steps to take back. */
export type Stuck =
  | { why: 'worker_died' }
  /** Of claims over HTTP, which have leases of their own; `sinceMs` as in buryDeadWorkers. */
  | { why: 'lease_expired'; sinceMs: number }
  | { why: 'stale'; afterMinutes: number; perKind: Record<string, number> };

export const MOST_AT_ONCE = 500;

/**
 * Takes back running steps whose worker is gone, whose own lease ran out, or that run longer than policy allows.
 * Selecting and updating is one statement that skips locked rows, so what is being completed right now is not
 * touched; nor is a step whose mission somebody holds, for one locked row must not hold up the others. Each
 * spends a failure: a step that kills its workers must end.
 */
export async function recoverSteps(tx: Db, stuck: Stuck): Promise<Recovered> {
  const stale = stuck.why === 'stale' ? stuck : null;
  const sinceMs = stuck.why === 'lease_expired' ? stuck.sinceMs : 0;
  const rows = await tx.query<{ id: string; mission_id: string; final: boolean; message: string }>(
    `with stuck as materialized (
       select s.id, s.mission_id, s.worker_id, s.claim_id, s.failures + 1 >= s.max_failures as final
       from ops_steps s
       where s.status = 'running' and case $1
         when 'worker_died' then not exists (
           select from ops_workers w where w.worker_id = s.worker_id and w.ended_at is null)
         when 'lease_expired' then exists (
           select from ops_work_claims c where c.claim_id = s.claim_id
             and clock_timestamp() > greatest(c.lease_expires_at, (c.lease_expires_at - c.renewed_at)
               + greatest(pg_postmaster_start_time(), to_timestamp($5::float8 / 1000))))
         else s.claimed_at < clock_timestamp()
           - coalesce(($3::jsonb ->> s.kind)::float8, $2::float8) * interval '1 minute' end
       limit $4 for update skip locked),
     reachable as materialized (
       select id from ops_missions where id in (select mission_id from stuck) for update skip locked),
     recovered as (
       update ops_steps s
       set status = case when stuck.final then 'failed' else 'queued' end,
           failures = failures + 1,
           failure = jsonb_build_object('class', $1, 'attempt', attempt, 'message', case $1
             when 'worker_died' then 'its worker ' || stuck.worker_id || ' died'
             when 'lease_expired' then 'its worker ' || stuck.worker_id || ' let the lease run out'
             else 'it ran longer than policy allows' end),
           completed_at = case when stuck.final then now() end,
           ready = not stuck.final,
           worker_id = case when stuck.final then s.worker_id end,
           claimed_at = case when stuck.final then s.claimed_at end,
           claim_id = case when stuck.final then s.claim_id end
       from stuck
       where s.id = stuck.id and (s.mission_id is null or s.mission_id in (select id from reachable))
       returning s.*, stuck.final, stuck.worker_id as held_by, stuck.claim_id as held_as),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select e.kind, 'heartbeat', 'step', id::text, proposal_id, e.payload
       from recovered, lateral (values
         (1, 'step.failed', jsonb_build_object('from', 'running', 'to', 'failed', 'final', final,
            'cause', jsonb_build_object('by', 'heartbeat', 'reason', $1),
            'set', jsonb_build_object('claim_id', held_as, 'attempt', attempt, 'failures', failures,
              'failure', failure))),
         (2, 'step.requeued', jsonb_build_object('from', 'failed', 'to', 'queued',
            'cause', jsonb_build_object('by', 'heartbeat', 'reason', $1)))
         ) as e(n, kind, payload)
       where e.n = 1 or not final
       order by id, e.n)
     select id, mission_id, final, failure ->> 'message' as message from recovered`,
    [stuck.why, stale?.afterMinutes ?? null, JSON.stringify(stale?.perKind ?? {}), MOST_AT_ONCE, sinceMs],
  );
  const finals = rows.filter((row) => row.final);
  if (finals.length > 0) {
    await failMissions(
      tx,
      finals.map((row) => ({
        missionId: row.mission_id,
        outcome: 'failed',
        failure: {
          class: 'step_failed',
          message: row.message,
          step_id: row.id,
          cause: { by: 'heartbeat', reason: stuck.why },
        },
      })),
    );
  }
  return { requeued: rows.length - finals.length, failed: finals.length };
}
