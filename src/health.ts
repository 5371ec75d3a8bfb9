import type { Database } from './db/database.ts';
import { eventsHead } from './events/events.ts';
import { lastBeatAgeMs } from './heartbeat/queries.ts';
import { humanDuration } from './lib/time.ts';
import type { Llm } from './llm/llm.ts';
import { VERSION } from './version.ts';

export type Health = {
  status: 'ok' | 'degraded';
  version: string;
  /** What is wrong, and what to do. */
  problems: string[];
  database: {
    version: string;
    latency_ms: number;
    connections: { open: number; idle: number; waiting: number };
    hints: boolean;
  };
  workers: { alive: number };
  last_beat_age_seconds: number | null;
  events: { seq: number; sealing_lag_ms: number };
  counts: Record<string, number>;
  paused: { enabled: boolean; agents: string[] };
  llm: { serving: string; llm: boolean; extractive: boolean };
};

type Counts = {
  version: string;
  workers: number;
  pending: number;
  active: number;
  ready: number;
  delayed: number;
  running: number;
  unwritten: number;
  paused: Health['paused'] | null;
};

const SLOW_SEALING_MS = 10_000;

/** How the installation is, from the database and this process. */
export async function readHealth(database: Database, llm: Llm, heartbeatMs: number): Promise<Health> {
  const began = performance.now();
  const [counts] = await database.query<Counts>(
    `select current_setting('server_version') as version,
       (select count(*) from ops_workers where ended_at is null and lease_expires_at > clock_timestamp())::integer as workers,
       (select count(*) from ops_proposals where status = 'pending')::integer as pending,
       (select count(*) from ops_missions where status = 'active')::integer as active,
       (select count(*) from ops_steps where ready)::integer as ready,
       (select count(*) from ops_steps where available_at is not null)::integer as delayed,
       (select count(*) from ops_steps where status = 'running')::integer as running,
       (select count(*) from ops_artefacts where written_at is null)::integer as unwritten,
       (select value from ops_policy where key = 'paused') as paused`,
  );
  const latencyMs = Math.round(performance.now() - began);
  if (!counts) throw new Error('the database gave no counts');
  const beatAge = await lastBeatAgeMs(database);
  const events = await eventsHead(database);
  const { serving, llm: hasModel, extractive } = llm.status();

  const problems = [
    counts.workers === 0 && 'No worker is alive; start one with `opsloop worker`.',
    beatAge !== null &&
      beatAge > 2 * heartbeatMs &&
      `The last beat was ${humanDuration(beatAge)} ago; is a server running?`,
    events.lagMs > SLOW_SEALING_MS && `Events wait for their seal since ${humanDuration(events.lagMs)}.`,
    !hasModel && !extractive && `No language model serves: ${serving}`,
    counts.paused?.enabled && 'Everything is paused; `opsloop resume` goes on.',
  ].filter((problem) => typeof problem === 'string');

  return {
    status: problems.length === 0 ? 'ok' : 'degraded',
    version: VERSION,
    problems,
    database: {
      version: counts.version,
      latency_ms: latencyMs,
      connections: database.load(),
      hints: database.hints.listening(),
    },
    workers: { alive: counts.workers },
    last_beat_age_seconds: beatAge === null ? null : Math.round(beatAge / 1000),
    events: { seq: events.seq, sealing_lag_ms: events.lagMs },
    counts: {
      proposals_pending: counts.pending,
      missions_active: counts.active,
      steps_ready: counts.ready,
      steps_delayed: counts.delayed,
      steps_running: counts.running,
      outputs_unwritten: counts.unwritten,
    },
    paused: counts.paused ?? { enabled: true, agents: [] },
    llm: { serving, llm: hasModel, extractive },
  };
}
