// Runs the tests that need a database on PostgreSQL 15, the oldest that is supported. More arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { withPostgres15 } from './postgres-15.mjs';

const FOLDERS = [
  'alerts',
  'backup',
  'db',
  'engine',
  'events',
  'fleet',
  'heartbeat',
  'http',
  'keys',
  'loop',
  'policy',
  'schedules',
  'webhooks',
  'work',
  'worker',
  'workspace',
];

process.exitCode = await withPostgres15((url) => {
  const args = ['run', ...FOLDERS.map((folder) => `test/${folder}/`), ...process.argv.slice(2)];
  const { status } = spawnSync('node_modules/.bin/vitest', args, {
    stdio: 'inherit',
    env: { ...process.env, TEST_DATABASE_URL: url },
  });
  return status ?? 1;
});
