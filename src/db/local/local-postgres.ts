import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { prepareBinaries, removeOtherCopies } from './binaries.ts';
import { clusterMajor, dataDirOf, ensureCluster, NAME, readPassword } from './cluster.ts';
import { isThere } from '../../lib/files.ts';
import {
  choosePlace,
  type HomeFiles,
  homeFiles,
  orphansOf,
  placeOf,
  readState,
  writeState,
} from './home-state.ts';
import { type Host, thisHost } from './host.ts';
import { type Held, makeHome, tryLock } from './lock.ts';
import { ensureDatabase, findServer } from './postmaster.ts';
import { chooseUser } from './run-as.ts';
import { startServer, stopServer } from './server.ts';

export { describeLocalPostgres } from './describe.ts';

/** The PostgreSQL server that belongs to a home. `adopted`: it ran already, perhaps after a crash of ours. */
export type LocalPostgres = {
  url: string;
  dataDir: string;
  logFile: string;
  version: string;
  runsAs: string;
  adopted: boolean;
  stop(): Promise<void>;
};

/** Long enough for another starter's initdb and crash recovery. */
const START_LOCK_PATIENCE_MS = 120_000;

/** Starts the home's own cluster, making it first where needed; adopts one that runs on exactly that folder. */
export async function startLocalPostgres(options: {
  home: string;
  log: Log;
  settings?: Record<string, string>;
  host?: Host;
}): Promise<LocalPostgres> {
  const files = homeFiles(resolve(options.home));
  await makeHome(files.home);
  const lock = await waitForStartLock(files);
  try {
    return await start(files, options.host ?? thisHost(), options.settings ?? {}, options.log);
  } finally {
    await lock.release();
  }
}

async function start(
  files: HomeFiles,
  host: Host,
  settings: Record<string, string>,
  log: Log,
): Promise<LocalPostgres> {
  const state = await readState(files);
  const user = await chooseUser(dataDirOf(placeOf(files, state)), host);
  const major = await clusterMajor(dataDirOf(placeOf(files, state)));
  if (major === null && state.created === true) throw dataMissing(files, dataDirOf(placeOf(files, state)));
  if (major === null && (state.place === undefined || !(await isThere(state.place)))) {
    const place = await choosePlace(files, user, host);
    // Recorded before anything is made there, so that a crash leaves nothing that the home does not know.
    if (place !== undefined) await writeState(files, Object.assign(state, { place }));
  }
  const place = placeOf(files, state);
  const dataDir = dataDirOf(place);
  const binaries = await prepareBinaries(host, user, place);
  for (const path of [place, binaries.folder]) refuseUnquotable(path);
  const { created } = await ensureCluster(place, user, binaries, files);
  if (state.created !== true) await writeState(files, Object.assign(state, { created: true }));
  if (created) {
    log.info({ dataDir, runsAs: user.name }, 'PostgreSQL cluster created');
    const orphans = await orphansOf(files, place, host);
    if (orphans.length > 0) log.warn({ orphans }, 'clusters of earlier homes with this path are on disk');
  }
  const password = await readPassword(files);
  const server = { dataDir, place, user, binaries, password, files };
  const { found, adopted } = await startServer(server, state, settings, log);
  try {
    await ensureDatabase(found.port, password);
  } catch (error) {
    // Nobody gets a handle to this server, so nobody else would stop it.
    if (!adopted) await stopServer(server);
    throw error;
  }
  if (!adopted) await removeOtherCopies(place, binaries);
  log.info(
    { port: found.port, version: found.version, adopted },
    adopted ? 'PostgreSQL adopted' : 'PostgreSQL started',
  );
  return {
    url: urlOf(found.port, password),
    dataDir,
    logFile: files.logFile,
    version: found.version,
    runsAs: user.name,
    adopted,
    stop: () => stopServer(server),
  };
}

/** The home's running server; never starts or stops one. */
export async function attachLocalPostgres(options: {
  home: string;
  log: Log;
  host?: Host;
}): Promise<LocalPostgres> {
  const files = homeFiles(resolve(options.home));
  const host = options.host ?? thisHost();
  const dataDir = dataDirOf(placeOf(files, await readState(files)));
  const notRunning = (why: string): AppError =>
    new AppError(
      'database_unavailable',
      `PostgreSQL of the home ${files.home} does not run (${why}). Start it with \`opsloop up\`, ` +
        'or give a DATABASE_URL.',
      { details: { home: files.home, dataDir } },
    );
  if ((await clusterMajor(dataDir)) === null) throw notRunning('it was never started');
  const password = await readPassword(files);
  const found = await findServer(dataDir, password);
  if (found.kind !== 'ours') throw notRunning(found.kind === 'unclear' ? found.why : 'it is stopped');
  const user = await chooseUser(dataDir, host);
  options.log.debug({ port: found.port }, 'attached to PostgreSQL');
  return {
    url: urlOf(found.port, password),
    dataDir,
    logFile: files.logFile,
    version: found.version,
    runsAs: user.name,
    adopted: true,
    stop: async () => undefined,
  };
}

/** A disk that is not mounted must not be answered with a new, empty cluster. */
function dataMissing(files: HomeFiles, dataDir: string): AppError {
  return new AppError(
    'database_unavailable',
    `The cluster of ${files.home} was made in ${dataDir} and is not there. Mount its disk or restore it from a ` +
      `backup. To begin anew without the old data, remove ${files.folder}.`,
    { details: { home: files.home, dataDir } },
  );
}

/** sslmode is given so that a PGSSLMODE of the user's shell does not apply to this loopback server. */
function urlOf(port: number, password: string): string {
  return `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}?sslmode=disable`;
}

/** pg_ctl and initdb put these paths into a shell command, between double quotes. */
function refuseUnquotable(path: string): void {
  if (process.platform === 'win32' || !/["$`\\\n]/.test(path)) return;
  throw new AppError(
    'config_invalid',
    `PostgreSQL cannot be run from or in ${JSON.stringify(path)}: the path may not hold " $ \` \\ or a line ` +
      'break. Use another OPSLOOP_HOME or another folder for opsloop.',
  );
}

/** Serialises all starters of a home, so that one makes, one starts, and the others adopt. */
async function waitForStartLock(files: HomeFiles): Promise<Held> {
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  const deadline = Date.now() + START_LOCK_PATIENCE_MS;
  for (;;) {
    const result = await tryLock(files.startLock);
    if ('release' in result) return result;
    if (Date.now() > deadline) {
      throw new AppError(
        'already_running',
        `Process ${result.owner.pid} has been starting PostgreSQL of ${files.home} since ${result.owner.since}. ` +
          `See its log ${files.logFile}; stop that process if it hangs.`,
        { details: result.owner },
      );
    }
    await delay(50);
  }
}
