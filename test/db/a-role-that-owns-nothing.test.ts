import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { createKey } from '../../src/keys/keys.ts';
import { silentLog } from '../../src/log.ts';
import { testConfig } from '../support/app.ts';
import { onServer, useDatabase } from '../support/database.ts';
import { eventually } from '../support/loop.ts';
import { dropEnded } from '../support/retention.ts';

/** The role of docs/operations.md: it may do what the program does and change no table. */
const db = useDatabase('empty');
const role = `app_${randomBytes(4).toString('hex')}`;
let app: Database;
let owner: Database;
let url = '';

beforeAll(async () => {
  await onServer(`create role ${role} login password 'p'`);
  url = Object.assign(new URL(db.directUrl), { username: role, password: 'p' }).href;
  owner = openDatabase(db.directUrl, { log: silentLog(), max: 1 });
  app = openDatabase(url, { log: silentLog(), max: 1 });
  const first = createApp({
    config: testConfig(),
    databaseUrl: db.directUrl,
    log: silentLog(),
    parts: { worker: false, heartbeat: false, files: false, schedules: false, webhooks: false },
  });
  await first.ready;
  await first.stop();
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const [, grants = ''] = /```sql\n(grant[^`]*)```/.exec(text) ?? [];
  expect(grants).toContain('revoke');
  await owner.query(grants.replaceAll('opsloop_app', role));
});

afterAll(async () => {
  await app.close();
  await owner.close();
  await onServer(`drop database if exists ${new URL(db.directUrl).pathname.slice(1)} with (force)`);
  await onServer(`drop role if exists ${role}`);
});

test('everything runs as it: a mission to its end, keys, beats and what they do', async () => {
  const running = createApp({
    config: testConfig({ OPSLOOP_LLM: 'extractive' }),
    databaseUrl: url,
    log: silentLog(),
  });
  await running.ready;
  await running.propose({
    agentId: 'pm',
    kind: 'analysis',
    title: 'Small',
    body: 'One fact. Another.',
    by: 'test',
  });
  await eventually(async () => {
    const rows = await owner.query<{ status: string }>('select status from ops_proposals');
    return rows[0]?.status === 'completed';
  });
  await running.authenticate(
    (await createKey(running.database, { name: 'k', scopes: ['read'] }, 'test')).key,
  );
  await running.beat('test');
  const runs = await owner.query<{ action: string; status: string }>(
    'select action, status from ops_action_runs',
  );
  expect(runs.length).toBeGreaterThan(3);
  expect(runs.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect((await dropEnded(running.database, running.config.home)).proposals).toBe(1);
  await running.stop();
});

test('where something is to be migrated it says who can', async () => {
  const known = await readMigrations();
  const next = { version: 999_999, name: 'next', checksum: 'x', sql: 'create table next (n integer)' };
  await expect(migrate(app, [...known, next])).rejects.toMatchObject({
    code: 'database_older',
    message: expect.stringContaining('opsloop migrate'),
  });
  expect(await migrate(app, known)).toEqual([]);
});

test.each([
  'create table mine (n integer)',
  'drop table ops_events',
  'alter table ops_events disable trigger all',
  `update ops_events set kind = 'x'`,
  'truncate ops_events',
  `create function f() returns void language sql as ''`,
  `insert into ops_migrations (version, name, checksum) values (999, 'x', 'x')`,
  `set session_replication_role = 'replica'`,
])('it may not: %s', async (statement) => {
  await expect(app.query(statement)).rejects.toMatchObject({ code: '42501' });
});
