import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { markOf } from '../../src/backup/mark.ts';
import { migrate } from '../../src/db/migrate.ts';
import { silentLog } from '../../src/log.ts';
import { backUp } from '../support/backup.ts';
import { onServer, useDatabase } from '../support/database.ts';
import { pgBouncerVersion, startPgBouncer } from '../support/pgbouncer.ts';
import { emptyHome } from '../support/sealed-log.ts';

const original = useDatabase();
const inSchema = useDatabase('empty');

function open(url: string): Database {
  const database = openDatabase(url, { log: silentLog(), max: 2, listenUrl: null });
  onTestFinished(() => database.close());
  return database;
}

test.skipIf(pgBouncerVersion() === null)(
  'behind a pooler that leads to one database alone, verifying says what to do, and --no-verify does it',
  async () => {
    const name = new URL(original.directUrl).pathname.slice(1);
    const pooler = await startPgBouncer(original.directUrl, {}, name);
    onTestFinished(async () => void (await pooler.stop()));
    const database = open(pooler.url);
    await expect(backUp(database, emptyHome(), { verify: true })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/no such database.*address of PostgreSQL itself.*--no-verify/),
    });
    expect((await backUp(database, emptyHome())).rows).toBeGreaterThan(0);
  },
);

test.each([
  ['role', (role: string) => `alter role ${role} set search_path = "ops-loop"`],
  ['database', (_: string, name: string) => `alter database ${name} set search_path = "ops-loop", public`],
])('a copy is checked in the schema that is chosen for the %s', async (_, choose) => {
  const name = new URL(inSchema.directUrl).pathname.slice(1);
  const role = `chooser_${randomBytes(4).toString('hex')}`;
  await onServer(`create role ${role} login createdb password 'p'`);
  await inSchema.database.query(`create schema "ops-loop" authorization ${role}`);
  await onServer(choose(role, name));
  onTestFinished(async () => {
    await onServer(`alter database ${name} reset all`);
    await inSchema.database.query(`drop owned by ${role} cascade`);
    await onServer(`drop role ${role}`);
  });
  const url = Object.assign(new URL(inSchema.directUrl), { username: role, password: 'p' }).href;
  const database = open(url);
  await migrate(database);
  const { check } = await backUp(database, emptyHome(), { verify: true });
  expect(check).toEqual({ ok: true, findings: [] });
});

test('a check outlasts the time after which PostgreSQL ends connections that say nothing', async () => {
  const name = new URL(original.directUrl).pathname.slice(1);
  await onServer(`alter database ${name} set idle_session_timeout = '100ms'`);
  onTestFinished(async () => void (await onServer(`alter database ${name} reset all`)));
  const database = open(original.directUrl);
  const made = await backUp(database, emptyHome(), { verify: true });
  expect(made.check).toEqual({ ok: true, findings: [] });
  expect(made.seconds.checking).toBeGreaterThan(0.1);
});

test('what another role left of a check is in the way of no backup, and is told', async () => {
  const name = new URL(original.directUrl).pathname.slice(1);
  const home = emptyHome();
  const left = `opsloop_check_${await markOf(home)}_0dead0beef`;
  const role = `reader_${randomBytes(4).toString('hex')}`;
  await onServer(`create database ${left}`);
  await onServer(`create role ${role} login createdb password 'p' in role pg_read_all_data`);
  onTestFinished(async () => {
    await onServer(`drop database ${left}`);
    await onServer(`drop role ${role}`);
  });
  const database = open(
    Object.assign(new URL(original.directUrl), { username: role, password: 'p', pathname: name }).href,
  );
  for (const verify of [false, true])
    expect(await backUp(database, home, { verify, path: join(home, `${verify}.backup`) })).toMatchObject({
      left: [left],
    });
});
