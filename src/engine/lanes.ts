import type { Db } from '../db/database.ts';
import type { Lane } from './schema.ts';

/** A lane that has something to claim, and its oldest ready step. */
export type ReadyLane = Lane & { queue_no: number };

/**
 * Every lane of these kinds that has a ready step: from each lane the index is entered anew at the next one, so
 * the cost is that of the lanes, whatever they hold.
 */
export function findLanes(db: Db, kinds: readonly string[]): Promise<ReadyLane[]> {
  return db.query<ReadyLane>(
    `with recursive lane as (
       select want.kind, first.* from unnest($1::text[]) as want(kind), lateral (
         select priority, agent_id, queue_no from ops_steps
         where ready and kind = want.kind order by priority desc, agent_id, queue_no limit 1) as first
       union all
       select lane.kind, next.* from lane, lateral (
         select * from (
           (select priority, agent_id, queue_no from ops_steps
            where ready and kind = lane.kind and priority = lane.priority and agent_id > lane.agent_id
            order by agent_id, queue_no limit 1)
           union all
           (select priority, agent_id, queue_no from ops_steps
            where ready and kind = lane.kind and priority < lane.priority
            order by priority desc, agent_id, queue_no limit 1)) as candidate
         order by priority desc limit 1) as next)
     select * from lane`,
    [kinds],
    'opsloop_lanes',
  );
}

/** Which of these lanes have a ready step at or after their place. */
export function peekLanes(db: Db, lanes: readonly (Lane & { from_no: number })[]): Promise<ReadyLane[]> {
  return db.query<ReadyLane>(
    `select lane.kind, lane.priority, lane.agent_id, step.queue_no
     from unnest($1::text[], $2::smallint[], $3::text[], $4::bigint[]) as lane(kind, priority, agent_id, from_no),
       lateral (
         select queue_no from ops_steps s
         where s.ready and s.kind = lane.kind and s.priority = lane.priority and s.agent_id = lane.agent_id
           and s.queue_no >= lane.from_no
         order by s.queue_no limit 1) as step`,
    [
      lanes.map((lane) => lane.kind),
      lanes.map((lane) => lane.priority),
      lanes.map((lane) => lane.agent_id),
      lanes.map((lane) => lane.from_no),
    ],
    'opsloop_peek',
  );
}
