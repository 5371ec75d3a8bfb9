import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres } from '../../dist/db/local/local-postgres.js';
import { silentLog } from '../../dist/log.js';

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
    'select name, setting from pg_settings where name = any ($1) order by name',
    [STATED],
  );
  let number = 0;
  return {
    settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
    async fresh() {
      const name = `bench_${++number}`;
      await admin.query(`create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return {
        url: url.href,
        // What one round left behind must not be cleaned up during the next.
        drop: async () => {
          const open = 'select from pg_stat_activity where datname = $1 limit 1';
          await until(async () => (await admin.query(open, [name])).rowCount === 0);
          await admin.query(`drop database ${name}`);
          await admin.query('checkpoint');
        },
      };
    },
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

export async function until(look, everyMs = 5) {
  for (;;) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
