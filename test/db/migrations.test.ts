import { randomBytes } from 'node:crypto';
import { afterEach, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { migrate, migrationStatus, readMigrations, requireCurrentSchema } from '../../src/db/migrate.ts';
import { silentLog } from '../../src/log.ts';
import { addressOf } from '../support/database.ts';

const opened: Database[] = [];
const names: string[] = [];

const open = (url: string): Database => {
  const database = openDatabase(url, { log: silentLog(), max: 4 });
  opened.push(database);
  return database;
};

async function emptyDatabase(): Promise<string> {
  const name = `empty_${randomBytes(6).toString('hex')}`;
  names.push(name);
  await open(inject('serverUrl')).query(`create database ${name}`);
  return addressOf(name);
}

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  const server = openDatabase(inject('serverUrl'), { log: silentLog(), max: 1 });
  for (const name of names.splice(0)) await server.query(`drop database ${name} with (force)`);
  await server.close();
});

test('two processes that migrate at once both succeed, and each script runs once', async () => {
  const url = await emptyDatabase();
  const results = await Promise.all([migrate(open(url)), migrate(open(url)), migrate(open(url))]);
  const scripts = await readMigrations();
  expect(results.flat().sort((a, b) => a - b)).toEqual(scripts.map((script) => script.version));
  const status = await migrationStatus(open(url));
  expect(status.current).toBe(status.newest);
  expect(status.migrations.every((migration) => migration.appliedAt !== null)).toBe(true);
});

test('a script that fails leaves nothing behind, and can be run again when it is mended', async () => {
  const database = open(await emptyDatabase());
  const good = { version: 1, name: 'first', checksum: 'a', sql: 'create table kept (a integer)' };
  const bad = { version: 2, name: 'second', checksum: 'b', sql: 'create table half (a integer); select 1/0' };
  await expect(migrate(database, [good, bad])).rejects.toMatchObject({ code: '22012' });
  const [half] = await database.query<{ gone: boolean }>(`select to_regclass('half') is null as gone`);
  expect(half?.gone).toBe(true);
  expect(await migrate(database, [good, { ...bad, sql: 'create table half (a integer)' }])).toEqual([2]);
});

test('a database that is newer, older or of another build is refused with what to do', async () => {
  const database = open(await emptyDatabase());
  await expect(requireCurrentSchema(database)).rejects.toMatchObject({ code: 'database_older' });
  expect((await migrationStatus(database)).current).toBe(0);
  await migrate(database);
  await requireCurrentSchema(database);
  await database.query(`insert into ops_migrations (version, name, checksum) values (999, 'future', 'x')`);
  await expect(migrate(database)).rejects.toMatchObject({ code: 'database_newer' });
  await database.query(`delete from ops_migrations where version = 999`);
  await database.query(`update ops_migrations set checksum = 'other' where version = 1`);
  await expect(requireCurrentSchema(database)).rejects.toMatchObject({ code: 'database_newer' });
});
