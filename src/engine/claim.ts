import { randomUUID } from 'node:crypto';
import type { Db } from '../db/database.ts';
import type { Claim, FreeSlots } from './schema.ts';

/**
 * Claims as many steps of each kind as there are free slots: by priority, then turn, then age. Nothing is
 * claimed while policy pauses, nothing of a paused agent, and nothing by a worker that was declared dead.
 * `agents` leaves some out, or takes of some alone.
 *
 * The rows are locked in a materialised CTE: as a plain subselect the planner may run the limited select
 * again for each row and claim more than the limit. Their ids come as one array, because a join with a set
 * whose size the planner must guess becomes a scan of the whole table when there is a backlog. The claim ids are drawn here, so that a claim whose
 * answer was lost can be found again by them.
 */
export async function claimSteps(
  db: Db,
  workerId: string,
  free: FreeSlots,
  agents: { not?: readonly string[]; only?: readonly string[] } = {},
  claimIds = drawClaimIds(free),
): Promise<Claim[]> {
  const kinds = Object.keys(free).filter((kind) => (free[kind] ?? 0) > 0);
  if (kinds.length === 0) return [];
  return db.query<Claim>(
    `with paused as materialized (
       select coalesce((value ->> 'enabled')::boolean, true) as everybody,
              array(select jsonb_array_elements_text(value -> 'agents')) as agents
       from ops_policy where key = 'paused'),
     taken as materialized (
       select step.id
       from unnest($2::text[], $3::integer[]) as want(kind, slots), lateral (
         select id from ops_steps
         where ready and kind = want.kind
           and coalesce(agent_id, '') <> all ($4::text[])
           and coalesce(agent_id, '') <> all (select unnest(agents) from paused)
           and ($6::text[] is null or agent_id = any ($6::text[]))
         order by priority desc, turn, queue_no
         limit want.slots
         for update skip locked) as step
       where not (select everybody from paused)
         and exists (select from ops_workers where worker_id = $1 and ended_at is null)),
     ids as materialized (select array(select id from taken) as list),
     claimed as (
       update ops_steps s
       set status = 'running', ready = false, worker_id = $1, claimed_at = now(), attempt = s.attempt + 1,
           claim_id = ($5::uuid[])[array_position((select list from ids), s.id)]
       where s.id = any ((select list from ids)::uuid[]) and s.status = 'queued'
       returning s.*),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'step.started', 'worker', 'step', id::text, proposal_id,
         jsonb_build_object('from', 'queued', 'to', 'running', 'cause', jsonb_build_object('by', worker_id),
           'set', jsonb_build_object('worker_id', worker_id, 'claim_id', claim_id, 'attempt', attempt))
       from claimed)
     select id, mission_id, proposal_id, kind, title, input, position, agent_id, attempt, failures, claim_id
     from claimed order by priority desc, turn, queue_no`,
    [workerId, kinds, kinds.map((kind) => free[kind]), agents.not ?? [], claimIds, agents.only ?? null],
    'opsloop_claim',
  );
}

/** One random name for each step that could be claimed. */
export function drawClaimIds(free: FreeSlots): string[] {
  const most = Object.values(free).reduce((sum, slots) => sum + Math.max(0, slots), 0);
  return Array.from({ length: most }, () => randomUUID());
}
