import type { Db } from '../db/database.ts';
import type { StepRow } from '../steps/schema.ts';

/** An open step as far as people look at it: without what is large. */
export type OpenRow = Pick<
  StepRow,
  | 'id'
  | 'mission_id'
  | 'kind'
  | 'title'
  | 'status'
  | 'agent_id'
  | 'worker_id'
  | 'claimed_at'
  | 'attempt'
  | 'ready'
  | 'available_at'
  | 'failure'
> & {
  /** Since when it could have moved, or runs. */
  since: Date;
};

const COLUMNS = `s.id, s.mission_id, s.kind, s.title, s.status, s.agent_id, s.worker_id, s.claimed_at, s.attempt,
  s.ready, s.available_at, s.failure`;

/** When a queued step became claimable: at its time, or when the step before it was completed. */
const CLAIMABLE_SINCE = `greatest(s.created_at, case s.position
  when 1 then (select p.run_at from ops_proposals p where p.id = s.proposal_id)
  else (select b.completed_at from ops_steps b
        where b.mission_id = s.mission_id and b.position < s.position order by b.position desc limit 1) end) as since`;

/** Running steps, the oldest first. */
export function selectRunning(db: Db, limit: number): Promise<OpenRow[]> {
  return db.query<OpenRow>(
    `select ${COLUMNS}, s.claimed_at as since from ops_steps s
     where s.status = 'running' order by s.claimed_at limit $1`,
    [limit],
  );
}

/** Delayed steps that were tried before: those that are due first. An index has them alone. */
export function selectRetried(db: Db, limit: number): Promise<OpenRow[]> {
  return db.query<OpenRow>(
    `select ${COLUMNS}, ${CLAIMABLE_SINCE} from (
       select * from ops_steps where available_at is not null and attempt > 0
       order by available_at limit $1) as s
     order by s.available_at`,
    [limit],
  );
}

/** One of the steps that wait longest in its lane. */
export type WaitingStep = OpenRow & {
  lane: number;
  /** How many of its lane have been claimable for longer than a minute. */
  waiting: number;
  /** Not all of the lane were looked at. */
  more: boolean;
};

/**
 * Steps that have been claimable for longer than a minute: of each lane (kind, priority, agent) those few that wait
 * longest. At most `most` steps are looked at, shared out evenly over at most `mostLanes` lanes, each lane's oldest.
 */
export function selectWaiting(
  db: Db,
  given: { most: number; mostLanes: number; examples: number },
): Promise<WaitingStep[]> {
  return db.query<WaitingStep>(
    `with recursive lane as (
       (select kind, priority, agent_id, 1 as lane from ops_steps
        where ready order by kind, priority desc, agent_id limit 1)
       union all
       select next.*, lane.lane + 1 from lane, lateral (
         select * from (
           (select kind, priority, agent_id from ops_steps s
            where s.ready and s.kind = lane.kind and s.priority = lane.priority and s.agent_id > lane.agent_id
            order by s.agent_id limit 1)
           union all
           (select kind, priority, agent_id from ops_steps s
            where s.ready and s.kind = lane.kind and s.priority < lane.priority
            order by s.priority desc, s.agent_id limit 1)
           union all
           (select kind, priority, agent_id from ops_steps s
            where s.ready and s.kind > lane.kind order by s.kind, s.priority desc, s.agent_id limit 1)) as candidate
         order by kind, priority desc, agent_id limit 1) as next
       where lane.lane < $2),
     lanes as materialized (select * from lane),
     share as materialized (select greatest($1::integer / greatest(count(*), 1), 1) as size from lanes),
     seen as materialized (
       select lanes.lane, ${COLUMNS}, ${CLAIMABLE_SINCE}
       from lanes, lateral (
         select * from ops_steps one
         where one.ready and one.kind = lanes.kind and one.priority = lanes.priority
           and one.agent_id = lanes.agent_id
         order by one.queue_no limit (select size from share)) as s),
     ranked as (
       select *, count(*) over lane_of = (select size from share) as more,
         (count(*) filter (where since < clock_timestamp() - interval '1 minute') over lane_of)::integer as waiting,
         row_number() over (partition by lane order by since) as place
       from seen window lane_of as (partition by lane))
     select * from ranked where place <= least($3, waiting)`,
    [given.most, given.mostLanes, given.examples],
  );
}
