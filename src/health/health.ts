import { statfs } from 'node:fs/promises';
import { selectBegan } from '../db/migrate.ts';
import { backupProblems, type BackupSettings, type BackupsState, readBackupsState } from '../backup/state.ts';
import type { Database, Db } from '../db/database.ts';
import { DEAF_TODO } from '../db/listener.ts';
import { eventsHead } from '../events/events.ts';
import { lastSignedHead } from '../events/proof/sign.ts';
import { lastBeatAge } from '../heartbeat/heartbeat.ts';
import { humanDuration } from '../lib/time.ts';
import { readSchedulesHealth, type SchedulesHealth } from '../schedules/health.ts';
import type { Llm } from '../llm/llm.ts';
import { VERSION } from '../version.ts';
import { webhookProblems } from '../webhooks/webhooks.ts';
import {
  type OldestWork,
  selectCounts,
  selectFailedActions,
  selectOldestWork,
  selectState,
} from './queries.ts';

/** Something that is wrong. The code stays the same while the sentence may tell how long it lasts. */
export type Problem = { code: string; message: string };

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
  paused: { enabled: boolean; agents: string[]; restored?: boolean };
  llm: { serving: string; llm: boolean; extractive: boolean };
  schedules: SchedulesHealth;
  /** Of this server's home. */
  backups: BackupsState;
  /** Null in a process that has no workspace. */
  files: FilesHealth | null;
};

/** How the workspace is, as far as an operator must know. */
export type FilesHealth = { mode: string | null; waiting: number; problems: string[] };

const SLOW_SEALING_MS = 10_000;
/** With less PostgreSQL may stop in the middle of a write. */
const LEAST_FREE_BYTES = 2 ** 30;
const CATCH_UP_SECONDS = 3_600;

/** How the installation is, from the database and this process. */
export async function readHealth(...about: About): Promise<Health> {
  const [database, llm, , files] = about;
  const { state, latencyMs, beatAge, events, signed, schedules, backups, problems } = await look(...about);
  const counts = await selectCounts(database);
  const { serving, llm: hasModel, extractive } = llm.status();
  return {
    status: problems.length === 0 ? 'ok' : 'degraded',
    version: VERSION,
    problems: problems.map(({ message }) => message),
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
    schedules,
    backups,
    files,
  };
}

/** What is wrong, as health says it, without counting what there is. */
export async function readProblems(...about: About): Promise<Problem[]> {
  return (await look(...about)).problems;
}

type About = [
  database: Database,
  llm: Llm,
  options: {
    home: string;
    heartbeatMs: number;
    llm: { providers: Record<string, unknown> };
    backups: BackupSettings;
  },
  files: FilesHealth | null,
];

async function look(
  ...[database, llm, { home, heartbeatMs, llm: configured, backups: wanted }, files]: About
) {
  const began = performance.now();
  const state = await selectState(database);
  const latencyMs = Math.round(performance.now() - began);
  const beatAge = await lastBeatAge(database);
  const events = await eventsHead(database);
  const signed = await lastSignedHead(database, home);
  const failed = await selectFailedActions(database);
  const schedules = await readSchedulesHealth(database);
  const backups = await readBackupsState(wanted, home, await selectBegan(database));
  const { serving, llm: hasModel, extractive, providers } = llm.status();
  const deaf = database.hints.trouble();

  const problems: Problem[] = [];
  const add = (code: string, message: string | false | null | undefined) => {
    if (message) problems.push({ code, message });
  };
  add('no_worker', state.workers === 0 && 'No worker is alive; start one with `opsloop worker`.');
  add(
    'no_beat',
    beatAge !== null &&
      beatAge > 2 * heartbeatMs &&
      `The last beat was ${humanDuration(beatAge)} ago; is a server running?`,
  );
  add(
    'sealing_behind',
    events.lagMs > SLOW_SEALING_MS && `Events wait for their seal since ${humanDuration(events.lagMs)}.`,
  );
  add(
    'polling',
    deaf !== null &&
      `What other processes do is found by polling, up to seconds later (${deaf}). ${DEAF_TODO}`,
  );
  add('log_damaged', signed.problem);
  // What is said above already is not said again for each action that met it.
  for (const { action, error } of failed)
    if (signed.problem === null || !error?.includes(signed.problem))
      add(`action.${action}`, `The last beat could not do ${action}: ${error ?? 'it failed.'}`);
  add('no_model', !hasModel && !extractive && `No language model serves: ${serving}`);
  // One that nobody configured need not be there.
  for (const { name, problem } of providers)
    if (problem !== null && name in configured.providers)
      add(`provider.${name}`, `A provider of language models cannot be used: ${problem}`);
  add(
    'paused',
    state.paused?.enabled &&
      (state.paused.restored
        ? 'This was restored from a backup, and nothing happens by itself: no claims, schedules, webhooks or task files. `opsloop resume` goes on.'
        : 'Everything is paused; `opsloop resume` goes on.'),
  );
  add('disk_low', await diskProblem(home));
  // A machine that was off makes up for it soon after the start.
  const catchesUp = process.uptime() < CATCH_UP_SECONDS;
  for (const { code, message } of backupProblems(backups))
    if (code !== 'backup_old' || !catchesUp) add(code, message);
  for (const message of schedules.problems) add('schedules', message);
  for (const { name, message } of await webhookProblems(database)) add(`webhooks.${name}`, message);
  for (const message of files?.problems ?? []) add('files', message);

  return { state, latencyMs, beatAge, events, signed, schedules, backups, problems };
}

async function diskProblem(home: string): Promise<string | null> {
  const disk = await statfs(home).catch(() => null);
  if (disk === null || disk.bavail * disk.bsize >= LEAST_FREE_BYTES) return null;
  const mb = Math.round((disk.bavail * disk.bsize) / 2 ** 20);
  return `Only ${mb} MB are free where ${home} is; PostgreSQL stops without space.`;
}

/** How long the oldest work of each sort waits, for those who look for what is stuck. */
export function oldestWork(db: Db): Promise<OldestWork> {
  return selectOldestWork(db);
}
