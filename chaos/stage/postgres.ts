import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { prepareBinaries } from '../../src/db/local/binaries.ts';
import { thisHost } from '../../src/db/local/host.ts';
import { chooseUser } from '../../src/db/local/run-as.ts';
import { runProgram } from '../../src/db/local/run-program.ts';
import { silentLog } from '../../src/log.ts';
import { sleep, until } from '../lib/time.ts';
import { childrenOf, freePort, isRunning } from './proc.ts';

/** A PostgreSQL of the stage's own, which no home's server looks after. */
export type Postgres = {
  /** The address of the database, and of PostgreSQL itself. */
  url: string;
  port: number;
  pid(): number;
  isRunning(): boolean;
  /** Resolves when it answers; starts it again as often as that takes. */
  start(): Promise<void>;
  /**
   * Ends the server and all its children at once, as a power cut does to their memory.
   * @returns whether there was one
   */
  kill(): Promise<boolean>;
  /** In order. */
  stop(): Promise<void>;
  log(): string;
  /** A pool that goes through no proxy. */
  database: Database;
};

const NAME = 'opsloop';
/** Little of it is log, so that a small volume is enough; nothing is less safe than the defaults. */
const SETTINGS = ['max_connections=250', 'shared_buffers=64MB', 'max_wal_size=64MB', 'min_wal_size=32MB'];

/** Makes a cluster of the bundled binaries in the folder, and starts it. */
export async function makePostgres(folder: string, binariesIn: string, logFile: string): Promise<Postgres> {
  const data = join(folder, 'data');
  const user = await chooseUser(data, thisHost());
  const binaries = await prepareBinaries(thisHost(), user, binariesIn);
  const port = await freePort();
  const password = randomBytes(18).toString('base64url');
  const passwordFile = join(folder, 'password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (!user.self) for (const path of [data, passwordFile]) chownSync(path, user.uid ?? 0, user.gid ?? 0);
  const initdb = ['-D', data, '-U', NAME, '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256'];
  const made = await runProgram(binaries.initdb, [...initdb, `--pwfile=${passwordFile}`], {
    user,
    timeoutMs: 120_000,
  });
  if (made.code !== 0) throw new Error(`initdb failed: ${made.output}`);
  rmSync(passwordFile);

  const address = (database: string) => `postgres://${NAME}:${password}@127.0.0.1:${port}/${database}`;
  const settings = [...SETTINGS, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${port}`];
  let child: ChildProcess | undefined;
  const isUp = () => child?.pid !== undefined && isRunning(child.pid);

  const launch = () => {
    const output = openSync(logFile, 'a');
    child = spawn(
      join(binaries.folder, 'bin', 'postgres'),
      ['-D', data, ...settings.flatMap((one) => ['-c', one])],
      {
        ...(user.self ? {} : { uid: user.uid ?? undefined, gid: user.gid ?? undefined }),
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', OPSLOOP_CHAOS_RUN: process.env.OPSLOOP_CHAOS_RUN },
        stdio: ['ignore', output, output],
        detached: true,
      },
    );
    closeSync(output);
  };
  const answers = async (database: string) => {
    const pool = openDatabase(address(database), { log: silentLog(), max: 1, listenUrl: null });
    try {
      await pool.query('select 1');
      return true;
    } finally {
      await pool.close();
    }
  };
  const start = async (database = NAME) => {
    const up = await until(async () => {
      // What a killed server left behind can be in the way of the next one for a moment.
      if (!isUp()) {
        launch();
        await sleep(200);
      }
      return answers(database);
    }, 60_000);
    if (!up) throw new Error(`PostgreSQL did not come back within 60 s; see ${logFile}`);
  };

  await start('postgres');
  const maintenance = openDatabase(address('postgres'), { log: silentLog(), max: 1, listenUrl: null });
  await maintenance.query(`create database ${NAME}`);
  await maintenance.close();
  return {
    url: address(NAME),
    port,
    pid: () => child?.pid ?? 0,
    isRunning: isUp,
    start: () => start(),
    async kill() {
      if (!child?.pid || !isUp()) return false;
      const ended = once(child, 'exit');
      const children = childrenOf(child.pid);
      child.kill('SIGKILL');
      for (const pid of children) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has noticed by itself.
        }
      }
      const [, signal] = await ended;
      return signal === 'SIGKILL';
    },
    async stop() {
      if (!child || !isUp()) return;
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
    },
    log: () => readFileSync(logFile, 'utf8'),
    database: openDatabase(address(NAME), { log: silentLog(), max: 4, listenUrl: null }),
  };
}
