import type { Db } from '../db/database.ts';

export type State = {
  version: string;
  workers: number;
  paused: { enabled: boolean; agents: string[]; restored?: boolean } | null;
  retention: { keep_days: number | null } | null;
};

/** What is cheap to know, however much there is. */
export async function selectState(db: Db): Promise<State> {
  const [state] = await db.query<State>(
    `select current_setting('server_version') as version,
       (select count(*) from ops_workers where ended_at is null and lease_expires_at > clock_timestamp())::integer as workers,
       (select value from ops_policy where key = 'paused') as paused,
       (select value from ops_policy where key = 'retention') as retention`,
  );
  if (!state) throw new Error('the database gave no state');
  return state;
}

export type Counts = {
  pending: number;
  active: number;
  ready: number;
  delayed: number;
  running: number;
  unwritten: number;
};

/** How much of everything there is right now. */
export async function selectCounts(db: Db): Promise<Counts> {
  const [counts] = await db.query<Counts>(
    `select
       (select count(*) from ops_proposals where decided_at is null)::integer as pending,
       (select count(*) from ops_missions where status = 'active')::integer as active,
       (select count(*) from ops_steps where ready)::integer as ready,
       (select count(*) from ops_steps where available_at is not null)::integer as delayed,
       (select count(*) from ops_steps where status = 'running')::integer as running,
       (select count(*) from ops_artefacts where written_at is null)::integer as unwritten`,
  );
  if (!counts) throw new Error('the database gave no counts');
  return counts;
}

export type OldestWork = { ready_ms: number | null; running_ms: number | null; pending_ms: number | null };

/** How long the oldest step that could be claimed, the oldest running step and the oldest pending proposal wait. */
export async function selectOldestWork(db: Db): Promise<OldestWork> {
  const [oldest] = await db.query<OldestWork>(
    `select
       (select extract(epoch from clock_timestamp() - min(created_at)) * 1000
        from ops_steps where ready)::float8 as ready_ms,
       (select extract(epoch from clock_timestamp() - min(claimed_at)) * 1000
        from ops_steps where status = 'running')::float8 as running_ms,
       (select extract(epoch from clock_timestamp() - min(created_at)) * 1000
        from ops_proposals where decided_at is null)::float8 as pending_ms`,
  );
  return oldest ?? { ready_ms: null, running_ms: null, pending_ms: null };
}

/** What the last beat could not do, and why. */
export function selectFailedActions(db: Db): Promise<{ action: string; error: string | null }[]> {
  return db.query<{ action: string; error: string | null }>(
    `select action, details ->> 'error' as error from ops_action_runs
     where status = 'error' and beat_id = (
       select id from ops_beats where finished_at is not null order by finished_at desc limit 1)
     order by id`,
  );
}
