import type { Db } from '../db/database.ts';
import type { FailedMission, PendingProposal } from './schema.ts';

/** Today in the policy's time zone, and when tomorrow begins there. */
const TODAY = `today as materialized (
  select zone.name as timezone, now_there.day, (now_there.day + 1)::timestamp at time zone zone.name as resets_at
  from (select coalesce((select value ->> 'timezone' from ops_policy where key = 'daily_caps'), 'UTC') as name) as zone,
    lateral (select (clock_timestamp() at time zone zone.name)::date as day) as now_there)`;

export type Today = { day: string; timezone: string; resets_at: Date };

/** The day's counters, by scope: those of all, of all kinds, and of one agent or of all. */
export async function selectCounters(
  db: Db,
  agentId: string | null,
): Promise<Today & { used: Record<string, number> }> {
  const [row] = await db.query<Today & { used: Record<string, number> }>(
    `with ${TODAY}
     select today.*, coalesce((select jsonb_object_agg(scope, used) from ops_counters c
       where c.day = today.day and ($1::text is null or scope not like all (array['agent:%', 'tokens:%'])
         or scope in ('agent:' || $1, 'tokens:' || $1))), '{}') as used
     from today`,
    [agentId],
  );
  if (!row) throw new Error('the database gave no day');
  return row;
}

/** What was counted today; what is open is counted up to `most`, so that a count above it says "more". */
export type Totals = {
  day: string;
  pending: number;
  active: number;
  unwritten: number;
  admitted_today: number;
  rejected_today: number;
  published_today: number;
};

export async function selectTotals(db: Db, most: number): Promise<Totals> {
  const [row] = await db.query<Totals>(
    `with ${TODAY},
     tallied as (
       select coalesce(sum(rejected), 0)::bigint as rejected, coalesce(sum(outputs), 0)::bigint as outputs
       from ops_tallies, today where grain = 'day' and at = today.day::timestamp)
     select today.day, tallied.rejected as rejected_today, tallied.outputs as published_today,
       (select count(*) from (select from ops_proposals where decided_at is null limit $1 + 1) as p) as pending,
       (select count(*) from (select from ops_missions where status = 'active' limit $1 + 1) as m) as active,
       (select count(*) from (select from ops_artefacts where written_at is null limit $1 + 1) as a) as unwritten,
       coalesce((select used from ops_counters c where c.day = today.day and scope = 'total'), 0) as admitted_today
     from today, tallied`,
    [most],
  );
  if (!row) throw new Error('the database gave no counts');
  return row;
}

export type KindCount = { state: 'ready' | 'delayed' | 'waiting' | 'running'; kind: string; n: number };

/**
 * Open steps by kind: of each kind up to `most` that are ready, of all together up to `most` that are delayed or
 * running, and what waits in up to `mostMissions` active missions. Kinds that are ready are found by entering the queue's
 * index anew for each.
 */
export function selectSteps(db: Db, most: number, mostMissions: number): Promise<KindCount[]> {
  return db.query<KindCount>(
    `with recursive ready_kind as (
       (select kind from ops_steps where ready order by kind limit 1)
       union all
       select next.kind from ready_kind, lateral (
         select s.kind from ops_steps s where s.ready and s.kind > ready_kind.kind order by s.kind limit 1) as next),
     active as materialized (select id from ops_missions where status = 'active' limit $2),
     ids as materialized (select array(select id from active) as list)
     select 'ready' as state, kind, (select count(*) from (
       select from ops_steps s where s.ready and s.kind = ready_kind.kind limit $1 + 1) as r) as n
     from ready_kind
     union all
     select 'delayed', kind, count(*) from (
       select kind from ops_steps where available_at is not null order by available_at limit $1 + 1) as d group by kind
     union all
     select 'running', kind, count(*) from (
       select kind from ops_steps where status = 'running' limit $1 + 1) as r group by kind
     union all
     select 'waiting', kind, count(*) from ops_steps
     where mission_id = any ((select list from ids)::uuid[])
       and status = 'queued' and not ready and available_at is null
     group by kind`,
    [most, mostMissions],
  );
}

/** Pending proposals, the oldest first. */
export function selectPending(db: Db, limit: number): Promise<PendingProposal[]> {
  return db.query<PendingProposal>(
    `select id, agent_id, kind, title, created_at from ops_proposals
     where decided_at is null order by id limit $1`,
    [limit],
  );
}

/**
 * Missions that failed in the last 7 days and that nobody cancelled or tried again, the oldest first.
 * @param most so many of the 7 days are looked at
 * @returns `more`: there are others, or not all were looked at
 */
export async function selectFailed(
  db: Db,
  limit: number,
  most: number,
): Promise<{ missions: FailedMission[]; more: boolean }> {
  const [row] = await db.query<{ ids: string[]; all_seen: boolean }>(
    `with failed as materialized (
       select id, failure, completed_at from ops_missions
       where status = 'failed' and completed_at > (select clock_timestamp() - interval '7 days')
       order by completed_at limit $2::integer + 1)
     select (select count(*) from failed) <= $2 as all_seen, array(
       select id from failed
       where failure ->> 'class' is distinct from 'cancelled'
         and not exists (select from ops_missions later where later.retry_of = failed.id)
       order by completed_at limit $1 + 1) as ids`,
    [limit, most],
  );
  const ids = row?.ids ?? [];
  const missions = await db.query<FailedMission>(
    `select id, title, agent_id, coalesce(failure ->> 'message', '') as message, completed_at
     from ops_missions where id = any ($1::uuid[]) order by completed_at`,
    [ids.slice(0, limit)],
  );
  return { missions, more: ids.length > limit || row?.all_seen === false };
}
