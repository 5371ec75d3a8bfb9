// Runs the tests of what the program does on its database through a PgBouncer in transaction mode (Debian's, or the one
// in PGBOUNCER), before the embedded PostgreSQL; before PostgreSQL 15 with `--on=15`. More arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { withPostgres15 } from './postgres-15.mjs';

const FOLDERS = [
  'alerts',
  'db',
  'engine',
  'events',
  'heartbeat',
  'loop',
  'schedules',
  'webhooks',
  'work',
  'worker',
];
const ON_15 = '--on=15';
/** With eight a hook took more than a minute, once in four runs beside other work. */
const AT_ONCE = '--maxWorkers=5';

function run(env) {
  const more = process.argv.slice(2).filter((argument) => argument !== ON_15);
  const args = ['run', AT_ONCE, ...FOLDERS.map((folder) => `test/${folder}/`), ...more];
  const { status } = spawnSync('node_modules/.bin/vitest', args, {
    stdio: 'inherit',
    env: { ...process.env, TEST_PGBOUNCER: '1', ...env },
  });
  return status ?? 1;
}

process.exitCode = process.argv.includes(ON_15)
  ? await withPostgres15((url) => run({ TEST_DATABASE_URL: url }))
  : run({});
