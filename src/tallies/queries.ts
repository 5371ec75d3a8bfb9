import type { Db } from '../db/database.ts';
import { FIGURES, type Figures, type Tally } from './schema.ts';

/** Whether sealed events are not counted yet: cheaper than the transaction that would count them. */
export async function anyUncounted(db: Db): Promise<boolean> {
  const [row] = await db.query<{ any: boolean }>(
    `select coalesce((select last_seq from ops_event_batches order by last_seq desc limit 1), 0)
              > (select seq from ops_tally_place) as any`,
    [],
    'opsloop_uncounted',
  );
  return row?.any ?? false;
}

/** The place up to which events are counted, locked until the commit; null when another process is at it. */
export async function tryLockPlace(tx: Db): Promise<number | null> {
  const [row] = await tx.query<{ seq: number }>(
    'select seq from ops_tally_place for update skip locked',
    [],
    'opsloop_tally_place',
  );
  return row?.seq ?? null;
}

const NAMES = FIGURES.join(', ');
const WAITED = `greatest(coalesce(before.completed_at, step.made_at), proposal.run_at)`;

/**
 * Counts events, each in its minute and in the day of its agent, and moves the place. What an event does not tell is
 * looked up by primary keys: an array whose size the planner must guess, and laterals with a limit, for else it joins
 * whole tables.
 */
export async function addToTallies(
  tx: Db,
  { ids, throughSeq, sealedAt }: { ids: number[]; throughSeq: number; sealedAt: Date },
): Promise<void> {
  await tx.query(
    `with given as materialized (select $1::bigint[] as ids),
     zone as materialized (
       select coalesce((select value ->> 'timezone' from ops_policy where key = 'daily_caps'), 'UTC') as name),
     happened as materialized (
       select kind, created_at, proposal_id, payload -> 'set' as facts,
              case when entity = 'step' then entity_id::uuid end as step_id
       from ops_events
       where id = any ((select ids from given)::bigint[]) and case kind
         when 'step.started' then payload -> 'set' ->> 'attempt' = '1'
         when 'step.failed' then source <> 'missions'
         when 'file.output_created' then entity = 'artefact'
         else kind in ('proposal.created', 'proposal.rejected', 'proposal.completed', 'proposal.outcome_changed',
                       'step.completed', 'model.called') end),
     told as materialized (
       select kind, date_trunc('minute', created_at at time zone 'UTC') as minute,
         (created_at at time zone zone.name)::date::timestamp as day,
         coalesce(facts ->> 'agent_id', step.agent_id, proposal.agent_id, '') as agent_id,
         case when kind in ('proposal.completed', 'proposal.outcome_changed') then facts ->> 'outcome' end as outcome,
         (facts ->> 'input_tokens')::bigint as tokens_in, (facts ->> 'output_tokens')::bigint as tokens_out,
         (facts ->> 'cost_usd')::numeric as cost_usd,
         case when kind = 'step.completed'
           then extract(epoch from step.completed_at - step.claimed_at) * 1000 end as work_ms,
         case when kind = 'step.started' and step.made_at is not null then least(127, floor(4 / ln(2.0::float8)
           * ln(greatest(1.0::float8, extract(epoch from created_at - ${WAITED})::float8 * 1000))))::integer end as wait
       from zone, happened
       left join lateral (
         select s.agent_id, s.mission_id, s.position, s.created_at as made_at, s.claimed_at, s.completed_at
         from ops_steps s where s.id = happened.step_id limit 1) as step on true
       left join lateral (
         select p.agent_id, p.run_at from ops_proposals p
         where p.id = case when facts ->> 'agent_id' is null and happened.kind not in ('step.completed', 'step.failed')
           then happened.proposal_id end limit 1) as proposal on true
       left join lateral (
         select s.completed_at from ops_steps s
         where s.mission_id = case when happened.kind = 'step.started' then step.mission_id end and s.position < step.position
         order by s.position desc limit 1) as before on true),
     summed as (
       select grain.name, grain.at, grain.agent_id,
         count(*) filter (where kind = 'proposal.created') as proposals,
         count(*) filter (where kind = 'proposal.rejected') as rejected,
         count(*) filter (where outcome = 'succeeded') as succeeded,
         count(*) filter (where outcome = 'failed') as failed,
         count(*) filter (where outcome = 'cancelled') as cancelled,
         count(*) filter (where kind = 'step.completed') as steps,
         count(*) filter (where kind = 'step.failed') as step_failures,
         count(*) filter (where kind = 'file.output_created') as outputs,
         coalesce(sum(tokens_in), 0) as tokens_in, coalesce(sum(tokens_out), 0) as tokens_out,
         coalesce(sum(cost_usd) * 1000000, 0)::bigint as cost_microusd, coalesce(sum(work_ms), 0)::bigint as work_ms,
         array_agg(wait) filter (where wait is not null) as waits
       from told, lateral (values ('minute', minute, ''), ('day', day, told.agent_id)) as grain(name, at, agent_id)
       group by 1, 2, 3),
     moved as (update ops_tally_place set seq = $2, sealed_at = $3)
     insert into ops_tallies as t (grain, at, agent_id, ${NAMES}, waits)
     select name, at, agent_id, ${NAMES}, array(
       select count(w)::integer from generate_series(0, (select max(w) from unnest(waits) as w)) as n
       left join unnest(waits) as w on w = n group by n order by n)
     from summed
     on conflict (grain, at, agent_id) do update set
       ${FIGURES.map((name) => `${name} = t.${name} + excluded.${name}`).join(', ')},
       waits = array(select coalesce(a, 0) + coalesce(b, 0)
         from unnest(t.waits, excluded.waits) with ordinality as both_of(a, b, n) order by n)`,
    [ids, throughSeq, sealedAt],
    'opsloop_tally',
  );
}

export type Progress = { now: Date; seq: number; sealed_at: Date | null; head: number };

/** How far counting is, by the database's clock. */
export async function selectProgress(db: Db): Promise<Progress> {
  const [row] = await db.query<Progress>(
    `select clock_timestamp() as now, seq, sealed_at,
       coalesce((select last_seq from ops_event_batches order by last_seq desc limit 1), 0) as head
     from ops_tally_place`,
  );
  if (!row) throw new Error('the place of the tallies is gone');
  return row;
}

/** Minutes from a time on, the oldest first. */
export function selectMinutes(db: Db, from: Date): Promise<(Tally & { at: Date })[]> {
  return db.query<Tally & { at: Date }>(
    `select at at time zone 'UTC' as at, ${NAMES}, waits from ops_tallies
     where grain = 'minute' and at >= $1::timestamptz at time zone 'UTC' order by at`,
    [from],
  );
}

/** The last days in the policy's time zone, today included, the oldest first. */
export async function selectDays(db: Db, days: number): Promise<string[]> {
  const rows = await db.query<{ day: string }>(
    `select (clock_timestamp() at time zone coalesce(
       (select value ->> 'timezone' from ops_policy where key = 'daily_caps'), 'UTC'))::date - ago as day
     from generate_series($1::integer - 1, 0, -1) as ago`,
    [days],
  );
  return rows.map((row) => row.day);
}

/** Each agent's days from one day on, of all agents or of one: as many rows as days times agents. */
export function selectDaysOfAgents(
  db: Db,
  fromDay: string,
  agentId: string | undefined,
): Promise<(Figures & { day: string; agent_id: string })[]> {
  return db.query<Figures & { day: string; agent_id: string }>(
    `select at::date as day, agent_id, ${NAMES} from ops_tallies
     where grain = 'day' and at >= $1::date and ($2::text is null or agent_id = $2) order by agent_id, at`,
    [fromDay, agentId ?? null],
  );
}

/** All that was ever counted: of retention, figures by day are left alone. */
export async function selectTotalFigures(db: Db): Promise<Figures> {
  const [row] = await db.query<Figures>(
    `select ${FIGURES.map((name) => `coalesce(sum(${name}), 0)::bigint as ${name}`).join(', ')}
     from ops_tallies where grain = 'day'`,
    [],
    'opsloop_total_figures',
  );
  if (!row) throw new Error('a sum returned no row');
  return row;
}

/** Deletes minutes that nobody looks at any more. Returns how many. */
export async function deleteOldMinutes(db: Db): Promise<number> {
  const [row] = await db.query<{ deleted: number }>(
    `with deleted as (
       delete from ops_tallies
       where grain = 'minute' and at < clock_timestamp() at time zone 'UTC' - interval '2 days' returning 1)
     select count(*)::integer as deleted from deleted`,
  );
  return row?.deleted ?? 0;
}
