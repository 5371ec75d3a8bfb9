import type { Db } from '../db/database.ts';
import type { Claim, LaneShare } from './schema.ts';

/**
 * Claims up to `share` steps of each lane, the oldest first. Nothing is claimed while policy pauses, nothing of
 * a paused agent, and nothing by a worker that was declared dead. What policy limits is only claimed by a caller
 * that knows the limits, because it must have taken their locks before.
 *
 * The rows are locked in a materialised CTE: as a plain subselect the planner may run the limited select again
 * for each row and claim more than the limit. Their ids come as one array, because a join with a set whose size
 * the planner must guess becomes a scan of the whole table when there is a backlog. They are updated by `status`,
 * because by `ready` the planner may walk the queue's index again, with every dead entry of a long-held snapshot.
 * @param limits the value of the policy `concurrency` as the caller knows it; another one claims nothing
 */
export function claimLanes(
  db: Db,
  workerId: string,
  lanes: readonly LaneShare[],
  limits: unknown,
): Promise<Claim[]> {
  return db.query<Claim>(
    `with paused as materialized (
       select coalesce((value ->> 'enabled')::boolean, true) as everybody,
              array(select jsonb_array_elements_text(value -> 'agents')) as agents
       from ops_policy where key = 'paused'),
     taken as materialized (
       select step.id
       from unnest($2::text[], $3::smallint[], $4::text[], $5::bigint[], $6::integer[])
         as lane(kind, priority, agent_id, from_no, share), lateral (
         select id from ops_steps s
         where s.ready and s.kind = lane.kind and s.priority = lane.priority and s.agent_id = lane.agent_id
           and s.queue_no >= lane.from_no
         order by s.queue_no
         limit lane.share
         for update skip locked) as step
       where not (select everybody from paused)
         and lane.agent_id <> all ((select agents from paused)::text[])
         and exists (select from ops_workers where worker_id = $1 and ended_at is null)
         and (select value from ops_policy where key = 'concurrency') is not distinct from $7::jsonb),
     ids as materialized (select array(select id from taken) as list),
     claimed as (
       update ops_steps s
       set status = 'running', ready = false, worker_id = $1, claimed_at = now(), attempt = s.attempt + 1,
           claim_id = gen_random_uuid()
       where s.id = any ((select list from ids)::uuid[]) and s.status = 'queued'
       returning id, mission_id, proposal_id, kind, title, input, position, agent_id, attempt, failures, claim_id,
         priority, queue_no),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'step.started', 'worker', 'step', id::text, proposal_id,
         $8::jsonb || jsonb_build_object('set',
           jsonb_build_object('worker_id', $1::text, 'claim_id', claim_id, 'attempt', attempt))
       from claimed)
     select * from claimed order by priority desc, queue_no`,
    [
      workerId,
      lanes.map((lane) => lane.kind),
      lanes.map((lane) => lane.priority),
      lanes.map((lane) => lane.agent_id),
      lanes.map((lane) => lane.from_no),
      lanes.map((lane) => lane.share),
      limits === null ? null : JSON.stringify(limits),
      JSON.stringify({ from: 'queued', to: 'running', cause: { by: workerId } }),
    ],
    'opsloop_claim',
  );
}
