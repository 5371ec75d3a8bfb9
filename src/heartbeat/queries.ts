import type { Db } from '../db/database.ts';
import type { ActionRunRow } from '../engine/action-runs.ts';

/** A beat that was not renewed for so long belongs to a process that died in it. */
const BEAT_LEASE_SECONDS = 15;

/**
 * Begins a beat, or returns the one that is under way: there is at most one, in all processes.
 * @param notWithinMs begins none when another one ended so recently, and returns that one
 */
export async function beginBeat(
  tx: Db,
  id: string,
  askedBy: string,
  notWithinMs: number | null = null,
): Promise<{ id: string; mine: boolean }> {
  await dropUnfinished(tx, 'its process died in it', null);
  const mine = await tx.query(
    `insert into ops_beats (id, lease_expires_at, asked_by)
     values ($1, clock_timestamp() + make_interval(secs => $2), $3)
     on conflict do nothing returning id`,
    [id, BEAT_LEASE_SECONDS, askedBy],
  );
  // Looked at after the insert, which may have waited for the other one to end.
  const needless =
    mine.length > 0 && notWithinMs !== null
      ? await tx.query(
          `delete from ops_beats where id = $1 and exists (
             select from ops_beats where finished_at > clock_timestamp() - $2 * interval '1 ms') returning id`,
          [id, notWithinMs],
        )
      : [];
  if (mine.length > needless.length) return { id, mine: true };
  const [running] = await tx.query<{ id: string }>('select id from ops_beats where finished_at is null');
  // It may have ended between the two statements; then the one that just ended is the one to join.
  const [latest] = running
    ? [running]
    : await tx.query<{ id: string }>('select id from ops_beats order by started_at desc limit 1');
  return { id: latest?.id ?? id, mine: false };
}

/** Its process is still at it. */
export async function renewBeat(db: Db, id: string): Promise<void> {
  await db.query(
    `update ops_beats set lease_expires_at = clock_timestamp() + make_interval(secs => $2)
     where id = $1 and finished_at is null`,
    [id, BEAT_LEASE_SECONDS],
  );
}

/** Takes back a beat that broke off, if it was begun at all, so that the next one need not wait for its lease. */
export function giveUpBeat(db: Db, id: string): Promise<void> {
  return dropUnfinished(db, 'it broke off', id);
}

/** @param id of the one that is meant; null: those whose lease is over */
async function dropUnfinished(db: Db, reason: string, id: string | null): Promise<void> {
  await db.query(
    `with dead as (
       delete from ops_beats
       where finished_at is null and case when $2::uuid is null then lease_expires_at < clock_timestamp() else id = $2 end
       returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'heartbeat.died', 'heartbeat', 'beat', id::text,
       jsonb_build_object('cause', jsonb_build_object('by', 'heartbeat', 'reason', $1::text))
     from dead`,
    [reason, id],
  );
}

export async function isBeatFinished(db: Db, id: string): Promise<boolean> {
  const [row] = await db.query<{ finished: boolean }>(
    'select finished_at is not null as finished from ops_beats where id = $1',
    [id],
  );
  return row?.finished ?? true;
}

/** Ends the beat and writes its event. */
export async function finishBeat(db: Db, id: string, actions: unknown): Promise<void> {
  await db.query(
    `with finished as (
       update ops_beats set finished_at = clock_timestamp() where id = $1 and finished_at is null returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'heartbeat.beat', 'heartbeat', 'beat', id::text,
       jsonb_build_object('cause', jsonb_build_object('by', asked_by), 'actions', $2::jsonb)
     from finished`,
    [id, JSON.stringify(actions)],
  );
}

/** A beat and what its actions did. */
export type BeatRow = {
  id: string;
  started_at: Date;
  finished_at: Date | null;
  asked_by: string;
  actions: Pick<ActionRunRow, 'action' | 'status' | 'duration_ms' | 'details'>[];
};

/** The newest first: their ids are drawn in the order of time. */
export function selectBeats(db: Db, limit: number): Promise<BeatRow[]> {
  return db.query<BeatRow>(
    `select b.id, b.started_at, b.finished_at, b.asked_by, runs.actions
     from (select * from ops_beats order by id desc limit $1) as b, lateral (
       select coalesce(jsonb_agg(jsonb_build_object('action', r.action, 'status', r.status,
         'duration_ms', r.duration_ms, 'details', r.details) order by r.id), '[]') as actions
       from ops_action_runs r where r.beat_id = b.id) as runs
     order by b.id desc`,
    [limit],
  );
}

/** Milliseconds since the last beat ended; null when there was none. */
export async function lastBeatAgeMs(db: Db): Promise<number | null> {
  const [row] = await db.query<{ age_ms: number | null }>(
    `select extract(epoch from clock_timestamp() - max(finished_at))::float8 * 1000 as age_ms
     from ops_beats where finished_at is not null`,
  );
  return row?.age_ms ?? null;
}

export const MOST_ANSWERS_AT_ONCE = 10_000;

/** Deletes first answers older than 7 days, so many at most. Returns how many. */
export async function deleteOldAnswers(db: Db): Promise<number> {
  const rows = await db.query<{ deleted: number }>(
    `with old as materialized (
       select owner, idempotency_key from ops_idempotency
       where created_at < (select clock_timestamp() - interval '7 days') limit $1 for update skip locked),
     deleted as (
       delete from ops_idempotency i using old
       where i.owner = old.owner and i.idempotency_key = old.idempotency_key returning 1)
     select count(*)::integer as deleted from deleted`,
    [MOST_ANSWERS_AT_ONCE],
  );
  return rows[0]?.deleted ?? 0;
}

/** Deletes the counters of days that no cap looks at any more. Returns how many. */
export async function deleteOldCounters(db: Db): Promise<number> {
  const rows = await db.query<{ deleted: number }>(
    `with deleted as (delete from ops_counters where day < current_date - 7 returning 1)
     select count(*)::integer as deleted from deleted`,
  );
  return rows[0]?.deleted ?? 0;
}
