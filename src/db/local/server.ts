import { copyFile, open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Binaries } from './binaries.ts';
import { isThere } from '../../lib/files.ts';
import { tailOf } from './files.ts';
import { type HomeFiles, type HomeState, writeState } from './home-state.ts';
import { choosePort, isFree } from './port.ts';
import { type Found, findServer, setLeftoverAside } from './postmaster.ts';
import type { RunAs } from './run-as.ts';
import { runProgram } from './run-program.ts';
import { includeSettings, writeSettings } from './server-settings.ts';

export type Server = {
  dataDir: string;
  place: string;
  user: RunAs;
  binaries: Binaries;
  password: string;
  files: HomeFiles;
};

type Ours = Extract<Found, { kind: 'ours' }>;

/** How long a server that was killed may still be in the way: its pid, its children, its shared memory. */
const PATIENCE_MS = 30_000;
/** Recovery after a crash replays up to max_wal_size of log. */
const START_TIMEOUT_S = 300;
const STOP_TIMEOUT_S = 60;
const LOG_LIMIT = 10 * 1024 * 1024;

/** Adopts the server of this data folder, or starts one; the caller holds the start lock of the home. */
export async function startServer(
  server: Server,
  state: HomeState,
  settings: Record<string, string>,
  log: Log,
): Promise<{ found: Ours; adopted: boolean }> {
  await boundLog(server.files.logFile);
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await findServer(server.dataDir, server.password);
    if (found.kind === 'ours') return { found, adopted: true };
    let why: string;
    let permanent = false;
    if (found.kind === 'unclear') why = `process ${found.pid} is in the way: ${found.why}`;
    else if (found.kind === 'leftover' && !(await setLeftoverAside(server.dataDir))) {
      why = `postmaster.pid names process ${found.pid}, which is not a server of this folder`;
    } else {
      const result = await launch(server, state, settings);
      if (result.started) {
        const now = await findServer(server.dataDir, server.password);
        if (now.kind === 'ours') return { found: now, adopted: false };
        why = `it was started, but ${'why' in now ? now.why : 'it is gone'}`;
      } else {
        ({ why, permanent } = result);
      }
    }
    if (permanent || Date.now() > deadline) throw notStarted(server, why);
    log.debug({ why }, 'PostgreSQL cannot be started yet');
    await delay(250);
  }
}

type Launch = { started: true } | { started: false; why: string; permanent: boolean };

async function launch(server: Server, state: HomeState, settings: Record<string, string>): Promise<Launch> {
  const { dataDir, place, user, binaries, files } = server;
  const port = await choosePort(state.port);
  if (port !== state.port) {
    state.port = port;
    await writeState(files, state);
  }
  await includeSettings(dataDir, user);
  await writeSettings(place, user, port, settings);
  const recovering = await isThere(join(dataDir, 'postmaster.pid'));
  // We open the log, not PostgreSQL's user: it stays in the home, where that user may have no access.
  const output = await open(files.logFile, 'a', 0o600);
  try {
    const from = (await output.stat()).size;
    const result = await runProgram(
      binaries.pgCtl,
      ['start', '-D', dataDir, '-w', '-t', String(START_TIMEOUT_S), '-s'],
      { user, timeoutMs: (START_TIMEOUT_S + 10) * 1_000, outputFd: output.fd },
    );
    if (result.code === 0) return { started: true };
    const why = `pg_ctl start ended with code ${result.code}:\n${await tailOf(files.logFile, from)}`;
    // Two causes pass by themselves: what a killed server left behind, and a port that was taken meanwhile.
    return { started: false, why, permanent: !recovering && (await isFree(port)) };
  } finally {
    await output.close();
  }
}

/** Fast mode: ends the sessions, writes a checkpoint, loses nothing that was committed. */
export async function stopServer(server: Server): Promise<void> {
  const found = await findServer(server.dataDir, server.password);
  if (found.kind === 'none' || found.kind === 'leftover') return;
  const result = await runProgram(
    server.binaries.pgCtl,
    ['stop', '-D', server.dataDir, '-m', 'fast', '-w', '-t', String(STOP_TIMEOUT_S), '-s'],
    { user: server.user, timeoutMs: (STOP_TIMEOUT_S + 10) * 1_000 },
  );
  if (result.code === 0) return;
  const after = await findServer(server.dataDir, server.password);
  if (after.kind === 'none') return;
  throw new AppError(
    'timed_out',
    `PostgreSQL (process ${after.pid}) in ${server.dataDir} did not stop within ${STOP_TIMEOUT_S} s: ` +
      `${result.output} It goes on stopping by itself; its log is ${server.files.logFile}.`,
  );
}

function notStarted(server: Server, why: string): AppError {
  return new AppError(
    'database_unavailable',
    `PostgreSQL in ${server.dataDir} did not start (as ${server.user.name}): ${why}\n` +
      `The whole log is ${server.files.logFile}.`,
    { details: { dataDir: server.dataDir, logFile: server.files.logFile } },
  );
}

/** The server appends to its open file, so cutting it is safe even while one runs. */
async function boundLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= LOG_LIMIT) return;
  await copyFile(path, `${path}.1`);
  await truncate(path);
}
