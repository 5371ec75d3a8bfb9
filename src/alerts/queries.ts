import type { Db } from '../db/database.ts';
import type { Alert, Condition, Reminder } from './schema.ts';

/** Keeps the watch, or takes it when nobody has it. @returns whether it is ours */
export async function holdWatch(db: Db, holder: string, seconds: number): Promise<boolean> {
  const rows = await db.query(
    `update ops_watch set holder = $1, held_until = clock_timestamp() + make_interval(secs => $2)
     where holder = $1 or held_until is null or held_until < clock_timestamp() returning 1 as one`,
    [holder, seconds],
    'opsloop_watch_hold',
  );
  return rows.length > 0;
}

/** Another process need not wait for its end. */
export async function leaveWatch(db: Db, holder: string): Promise<void> {
  await db.query('update ops_watch set holder = null, held_until = null where holder = $1', [holder]);
}

export function selectAlerts(db: Db): Promise<Alert[]> {
  return db.query<Alert>(`select * from ops_alerts where key not like 'waiting:%' order by raised_at, key`);
}

/** Stores what is new and forgets what is over, each with its event. @returns how many changed */
export async function changeAlerts(tx: Db, raised: Condition[], cleared: string[]): Promise<number> {
  const rows = await tx.query(
    `with raised as (
       insert into ops_alerts (key, topic, message)
       select key, topic, message from jsonb_to_recordset($1::jsonb) as given(key text, topic text, message text)
       on conflict (key) do nothing returning key, topic, message),
     cleared as (
       delete from ops_alerts where key = any ($2::text[]) returning key, topic, message)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select kind, 'alerts', 'alert', key, jsonb_build_object('from', was, 'to', is_now, 'cause',
       jsonb_build_object('by', 'watch'), 'set', jsonb_build_object('topic', topic, 'message', message))
     from (select 'alert.raised' as kind, null as was, 'raised' as is_now, * from raised
           union all select 'alert.cleared', 'raised', null, * from cleared) as e
     order by kind, key returning 1 as one`,
    [JSON.stringify(raised), cleared],
  );
  return rows.length;
}

export type Patience = { after_minutes: number; every_minutes: number; most: number };

/**
 * Reminds of pending proposals that wait too long: the oldest first, `limit` at most, each with an event in its own
 * thread. A proposal that was reminded of is left alone for a while.
 */
export function remind(tx: Db, { after_minutes, every_minutes, most }: Patience, limit: number) {
  return tx.query<Reminder>(
    `with due as materialized (
       select p.id, p.created_at, coalesce(a.times, 0) + 1 as times
       from ops_proposals p left join ops_alerts a on a.key = 'waiting:' || p.id
       where p.decided_at is null and p.created_at < clock_timestamp() - make_interval(mins => $1)
         and coalesce(a.times, 0) < $3 and (a.key is null or a.told_at < clock_timestamp() - make_interval(mins => $2))
       order by p.id limit $4),
     told as (
       insert into ops_alerts (key, topic, message, times)
       select 'waiting:' || id, 'proposal.waiting', '', times from due
       on conflict (key) do update set told_at = now(), times = excluded.times),
     reminders as (
       select id, times, floor(extract(epoch from clock_timestamp() - created_at) / 60)::integer as minutes from due),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'proposal.waiting', 'alerts', 'proposal', id::text, id, jsonb_build_object(
         'cause', jsonb_build_object('by', 'watch'), 'minutes', minutes, 'times', times)
       from reminders order by reminders.id)
     select * from reminders order by id`,
    [after_minutes, every_minutes, most, limit],
  );
}

/** Forgets the reminders of what has been decided. */
export async function forgetReminders(db: Db): Promise<void> {
  await db.query(
    `delete from ops_alerts a where a.key like 'waiting:%' and not exists (
       select from ops_proposals p where p.id = substr(a.key, 9)::uuid and p.decided_at is null)`,
  );
}
