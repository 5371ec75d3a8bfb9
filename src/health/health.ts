import type { Database, Db } from '../db/database.ts';
import { DEAF_TODO } from '../db/listener.ts';
import { eventsHead } from '../events/events.ts';
import { lastSignedHead } from '../events/proof/sign.ts';
import { lastBeatAge } from '../heartbeat/heartbeat.ts';
import { humanDuration } from '../lib/time.ts';
import type { Llm } from '../llm/llm.ts';
import { VERSION } from '../version.ts';
import {
  type OldestWork,
  selectCounts,
  selectFailedActions,
  selectOldestWork,
  selectState,
} from './queries.ts';

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
  events: {
    seq: number;
    sealing_lag_ms: number;
    /** Of the chain up to `seq`; null while nothing is sealed. */
    hash: string | null;
    /** The last head that this server's home signed. */
    signed: { seq: number; at: string } | null;
    /** Why the chain is not the one that was signed. */
    signed_problem: string | null;
  };
  /** For how long what has ended is kept; null: for ever. */
  retention: { keep_days: number | null };
  counts: Record<string, number>;
  paused: { enabled: boolean; agents: string[] };
  llm: { serving: string; llm: boolean; extractive: boolean };
  /** Null in a process that has no workspace. */
  files: FilesHealth | null;
};

/** How the workspace is, as far as an operator must know. */
export type FilesHealth = { mode: string | null; waiting: number; problems: string[] };

const SLOW_SEALING_MS = 10_000;

/** How the installation is, from the database and this process. */
export async function readHealth(...about: About): Promise<Health> {
  const [database, llm, , files] = about;
  const { state, latencyMs, beatAge, events, signed, problems } = await look(...about);
  const counts = await selectCounts(database);
  const { serving, llm: hasModel, extractive } = llm.status();
  return {
    status: problems.length === 0 ? 'ok' : 'degraded',
    version: VERSION,
    problems,
    database: {
      version: state.version,
      latency_ms: latencyMs,
      connections: database.load(),
      hints: database.hints.listening(),
    },
    workers: { alive: state.workers },
    last_beat_age_seconds: beatAge === null ? null : Math.round(beatAge / 1000),
    events: {
      seq: events.seq,
      sealing_lag_ms: events.lagMs,
      hash: events.hash,
      signed: signed.head,
      signed_problem: signed.problem,
    },
    retention: state.retention ?? { keep_days: null },
    counts: {
      proposals_pending: counts.pending,
      missions_active: counts.active,
      steps_ready: counts.ready,
      steps_delayed: counts.delayed,
      steps_running: counts.running,
      outputs_unwritten: counts.unwritten,
    },
    paused: state.paused ?? { enabled: true, agents: [] },
    llm: { serving, llm: hasModel, extractive },
    files,
  };
}

/** What is wrong, as health says it, without counting what there is. */
export async function readProblems(...about: About): Promise<string[]> {
  return (await look(...about)).problems;
}

type About = [
  database: Database,
  llm: Llm,
  options: { home: string; heartbeatMs: number },
  files: FilesHealth | null,
];

async function look(...[database, llm, { home, heartbeatMs }, files]: About) {
  const began = performance.now();
  const state = await selectState(database);
  const latencyMs = Math.round(performance.now() - began);
  const beatAge = await lastBeatAge(database);
  const events = await eventsHead(database);
  const signed = await lastSignedHead(database, home);
  const failed = await selectFailedActions(database);
  const { serving, llm: hasModel, extractive } = llm.status();
  const deaf = database.hints.trouble();

  const problems = [
    state.workers === 0 && 'No worker is alive; start one with `opsloop worker`.',
    beatAge !== null &&
      beatAge > 2 * heartbeatMs &&
      `The last beat was ${humanDuration(beatAge)} ago; is a server running?`,
    events.lagMs > SLOW_SEALING_MS && `Events wait for their seal since ${humanDuration(events.lagMs)}.`,
    deaf !== null &&
      `What other processes do is found by polling, up to seconds later (${deaf}). ${DEAF_TODO}`,
    signed.problem,
    ...failed
      // What is said above already is not said again for each action that met it.
      .filter(({ error }) => signed.problem === null || !error?.includes(signed.problem))
      .map(({ action, error }) => `The last beat could not do ${action}: ${error ?? 'it failed.'}`),
    !hasModel && !extractive && `No language model serves: ${serving}`,
    state.paused?.enabled && 'Everything is paused; `opsloop resume` goes on.',
    ...(files?.problems ?? []),
  ].filter((problem) => typeof problem === 'string');

  return { state, latencyMs, beatAge, events, signed, problems };
}

/** How long the oldest work of each sort waits, for those who look for what is stuck. */
export function oldestWork(db: Db): Promise<OldestWork> {
  return selectOldestWork(db);
}
