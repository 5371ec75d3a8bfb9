import type { Db } from '../db/database.ts';
import type { Place } from './timing.ts';
import { authorOf, type ScheduleDetails, type ScheduleRow } from './schema.ts';

/** An event of a schedule: `set` is the whole row as it is now, so that the newest event alone tells what it is. */
const EVENT = `insert into ops_events (kind, source, entity, entity_id, payload)
  select told.kind, 'schedules', 'schedule', s.name, told.payload || jsonb_build_object(
    'set', to_jsonb(s) - 'created_at' || jsonb_build_object('body', ops_digest(s.body)))
  from s`;

/** A change of a schedule by somebody. */
export type Change = { kind: 'created' | 'changed' | 'paused' | 'resumed'; by: string };

const COLUMNS = `id, name, agent_id, kind, title, body, priority, cron, every_seconds, starts_at, at, timezone, missed,
  missed_most, jitter_seconds, paused, next_due_at, next_run_at, last_due_at, last_proposal_id, version, created_by`;

/**
 * Writes a schedule and its event: a new one, or the next version of the one that the caller has locked.
 * A name that is taken breaks `ops_schedules_name_key`.
 */
export async function writeSchedule(
  tx: Db,
  row: Omit<ScheduleRow, 'created_at'>,
  change: Change,
): Promise<ScheduleRow> {
  const columns = COLUMNS.split(',').map((column) => column.trim());
  const set = columns.map((column) => `${column} = excluded.${column}`).join(', ');
  const [written] = await tx.query<ScheduleRow>(
    `with s as (
       insert into ops_schedules (${COLUMNS})
       select ${COLUMNS} from jsonb_populate_record(null::ops_schedules, $1::jsonb)
       on conflict (id) do update set ${set}
       returning *),
     told as (select $2::text as kind, jsonb_build_object('cause', jsonb_build_object('by', $3::text)) as payload),
     event as (${EVENT}, told)
     select * from s`,
    [JSON.stringify(row), `schedule.${change.kind}`, change.by],
  );
  if (!written) throw new Error('an upsert returned no row');
  return written;
}

/**
 * Moves a schedule on from the version that was seen, with the event of what became of the due time. A row that somebody
 * holds is not waited for: the proposals of other schedules are in the same transaction.
 * @returns `gone` when it was changed, or moved by somebody else, since
 */
export async function moveSchedule(
  tx: Db,
  seen: Pick<ScheduleRow, 'id' | 'version'>,
  to: Place & { last_due_at: Date; last_proposal_id: string | null },
  told: { kind: 'schedule.proposed' | 'schedule.passed_over'; payload: Record<string, unknown> },
): Promise<'moved' | 'gone' | 'held'> {
  const [row] = await tx.query<{ moved: boolean; there: boolean }>(
    `with free as materialized (
       select id from ops_schedules where id = $1 and version = $2 for update skip locked),
     s as (
       update ops_schedules set version = version + 1, next_due_at = $3, next_run_at = $4, last_due_at = $5,
         last_proposal_id = $6
       where id = (select id from free) returning *),
     told as (select $7::text as kind, $8::jsonb as payload),
     event as (${EVENT}, told)
     select exists (select from s) as moved,
       exists (select from ops_schedules where id = $1 and version = $2) as there`,
    [
      seen.id,
      seen.version,
      to.next_due_at,
      to.next_run_at,
      to.last_due_at,
      to.last_proposal_id,
      told.kind,
      JSON.stringify(told.payload),
    ],
  );
  return row?.moved ? 'moved' : row?.there ? 'held' : 'gone';
}

/** Removes it. Its proposals stay. */
export async function deleteSchedule(tx: Db, name: string, by: string): Promise<ScheduleRow | null> {
  const [row] = await tx.query<ScheduleRow>(
    `with gone as (delete from ops_schedules where name = $1 returning *),
     event as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select 'schedule.removed', 'schedules', 'schedule', name,
         jsonb_build_object('cause', jsonb_build_object('by', $2::text))
       from gone)
     select * from gone`,
    [name, by],
  );
  return row ?? null;
}

export async function selectSchedule(db: Db, name: string, lock = false): Promise<ScheduleRow | null> {
  const [row] = await db.query<ScheduleRow>(
    `select * from ops_schedules where name = $1 ${lock ? 'for update' : ''}`,
    [name],
  );
  return row ?? null;
}

/** A page in the order of their making. */
export function selectSchedules(
  db: Db,
  filter: { agentId: string | undefined; afterId: string | null; limit: number },
): Promise<ScheduleRow[]> {
  return db.query<ScheduleRow>(
    `select * from ops_schedules
     where ($1::text is null or agent_id = $1) and ($2::uuid is null or id > $2) order by id limit $3`,
    [filter.agentId ?? null, filter.afterId, filter.limit],
  );
}

/** The newest proposals of a schedule; the second condition is that of their index. */
export function selectProposalsOf(
  db: Db,
  name: string,
  limit: number,
): Promise<ScheduleDetails['proposals']> {
  return db.query(
    `select id, title, status, outcome, run_at, created_at from ops_proposals
     where created_by = $1 and created_by like 'schedule:%' order by id desc limit $2`,
    [authorOf({ name }), limit],
  );
}

/** The only clock that decides what is due. */
export async function selectNow(db: Db): Promise<Date> {
  const [row] = await db.query<{ now: Date }>('select clock_timestamp() as now');
  if (!row) throw new Error('the database told no time');
  return row.now;
}

/** The database's time, and how long until the next schedule is to be taken; null when none is. */
export async function selectNext(db: Db, except: string[]): Promise<{ now: Date; wait_ms: number | null }> {
  const [row] = await db.query<{ now: Date; wait_ms: number | null }>(
    `select clock.now, (extract(epoch from (
         select min(next_run_at) from ops_schedules
         where next_run_at is not null and id <> all($1::uuid[])) - clock.now) * 1000)::float8 as wait_ms
     from (select clock_timestamp() as now) as clock`,
    [except],
    'opsloop_next_schedule',
  );
  if (!row) throw new Error('the database told no time');
  return row;
}

/** Schedules to be taken at a time, those that wait longest first. */
export function selectDue(db: Db, now: Date, except: string[], limit: number): Promise<ScheduleRow[]> {
  return db.query<ScheduleRow>(
    `select * from ops_schedules where next_run_at <= $1 and id <> all($2::uuid[])
     order by next_run_at, id limit $3`,
    [now, except, limit],
  );
}

export type Overview = { total: number; paused: number; next_due_at: Date | null };

export async function selectOverview(db: Db): Promise<Overview> {
  const [row] = await db.query<Overview>(
    `select count(*) as total, count(*) filter (where paused) as paused, min(next_due_at) as next_due_at
     from ops_schedules`,
  );
  return row ?? { total: 0, paused: 0, next_due_at: null };
}

/** A schedule that is not where it should be: not taken long after its time, or ahead of the clock. */
export type Troubled = Pick<ScheduleRow, 'name' | 'agent_id' | 'cron' | 'timezone' | 'last_due_at'> & {
  /** How long ago it was to be taken; null when it is ahead of the clock instead. */
  late_ms: number | null;
  agent_known: boolean;
};

export function selectTroubled(db: Db, lateMs: number, limit: number): Promise<Troubled[]> {
  return db.query<Troubled>(
    `select s.name, s.agent_id, s.cron, s.timezone, s.last_due_at,
       case when s.next_run_at < late.before
         then extract(epoch from clock_timestamp() - s.next_run_at)::float8 * 1000 end as late_ms,
       exists (select from ops_agent_config a where a.agent_id = s.agent_id) as agent_known
     from ops_schedules s, (
       select clock_timestamp() - $1 * interval '1 ms' as before, clock_timestamp() + interval '1 min' as ahead) as late
     where s.next_run_at is not null and (s.next_run_at < late.before or s.last_due_at > late.ahead)
     order by s.next_run_at limit $2`,
    [lateMs, limit],
  );
}
