import type { Db } from '../db/database.ts';

export type ActionRun = {
  action: string;
  status: 'ok' | 'error';
  details: Record<string, unknown>;
  durationMs: number;
  beatId: string | null;
};

export type ActionRunRow = {
  id: number;
  action: string;
  status: 'ok' | 'error';
  details: Record<string, unknown> | null;
  duration_ms: number | null;
  created_at: Date | null;
  beat_id: string | null;
};

export async function insertActionRun(db: Db, run: ActionRun): Promise<void> {
  await db.query(
    `with run as (
       insert into ops_action_runs (action, status, details, duration_ms, beat_id)
       values ($1, $2, $3::jsonb, $4, $5) returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'heartbeat.action', 'heartbeat', 'beat', beat_id::text, jsonb_build_object(
       'cause', jsonb_build_object('by', 'heartbeat'),
       'set', jsonb_build_object('action', action, 'status', status, 'details', details, 'duration_ms', duration_ms))
     from run`,
    [run.action, run.status, JSON.stringify(run.details), Math.round(run.durationMs), run.beatId],
  );
}

export function selectRunsOfBeat(db: Db, beatId: string): Promise<ActionRunRow[]> {
  return db.query<ActionRunRow>('select * from ops_action_runs where beat_id = $1 order by id', [beatId]);
}

export function selectRecentRuns(db: Db, limit: number): Promise<ActionRunRow[]> {
  return db.query<ActionRunRow>('select * from ops_action_runs order by id desc limit $1', [limit]);
}
