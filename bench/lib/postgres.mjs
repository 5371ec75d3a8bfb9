import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres } from '../../dist/db/local/local-postgres.js';
import { silentLog } from '../../dist/log.js';
import { pause } from './clock.mjs';

/** The settings that decide about durability and speed; they are printed with the results. */
const STATED = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
  'autovacuum',
];

/** One embedded PostgreSQL for all participants; each round of each gets a database of its own. */
export async function startPostgres() {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-bench-'));
  await chmod(home, 0o711);
  const server = await startLocalPostgres({ home, log: silentLog() });
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  const { rows } = await admin.query(
    'select name, current_setting(name) as setting from unnest($1::text[]) as name order by name',
    [STATED],
  );
  const inUse = new Set();
  let number = 0;

  // What one round left behind must not be cleaned up during the next.
  const drop = async (name) => {
    const open = 'select from pg_stat_activity where datname = $1 limit 1';
    await until(async () => (await admin.query(open, [name])).rowCount === 0, 5, 60_000);
    await admin.query(`drop database ${name}`);
    await admin.query('checkpoint');
  };

  const cut = (name) => admin.query(`drop database if exists ${name} with (force)`);

  return {
    settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
    /** Gives `work` the URL of a fresh database, which is gone afterwards. */
    async use(work) {
      const name = `bench_${++number}`;
      await admin.query(`create database ${name}`);
      inUse.add(name);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      try {
        const result = await work(url.href);
        await drop(name);
        return result;
      } catch (error) {
        await cut(name);
        throw error;
      } finally {
        inUse.delete(name);
      }
    },
    /** Takes away the databases of a cell that failed, so that what it left behind ends. */
    cut: () => Promise.all([...inUse].map(cut)),
    async stop() {
      await admin.end();
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A pool of the benchmark's own, for filling tables and looking at them. */
export function openPool(url, max = 2) {
  const pool = new pg.Pool({ connectionString: url, max });
  // A connection that is still closing when its database is dropped is told so.
  pool.on('error', () => undefined);
  return pool;
}

/** One pool for the time of `work`. */
export async function withPool(url, work) {
  const pool = openPool(url);
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** Looks again and again. What never comes is a failure of its cell and must not hold up the others. */
export async function until(look, everyMs = 5, patienceMs = 900_000) {
  const began = performance.now();
  while (!(await look())) {
    if (performance.now() - began > patienceMs) throw new Error(`waited ${patienceMs / 1000} s in vain`);
    await pause(everyMs);
  }
}
