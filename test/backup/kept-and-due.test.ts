import { createHash } from 'node:crypto';
import { copyFile, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { putBackup } from '../../src/backup/folder.ts';
import { listBackups, nameFor } from '../../src/backup/kept.ts';
import { markOf } from '../../src/backup/mark.ts';
import { backUpIfDue, dueIn } from '../../src/backup/schedule.ts';
import {
  backupProblems,
  type BackupSettings,
  noteFailure,
  readBackupsState,
} from '../../src/backup/state.ts';
import { openCopyConnection } from '../../src/db/copy.ts';
import { selectBegan } from '../../src/db/migrate.ts';
import { tryLock } from '../../src/db/local/lock.ts';
import { backUp } from '../support/backup.ts';
import { testConfig } from '../support/app.ts';
import { directAddressOf, onServer, useDatabase } from '../support/database.ts';
import { emptyHome, sealSome, tamper } from '../support/sealed-log.ts';

const db = useDatabase();
const HOUR = 3_600_000;
let home: string;
let settings: BackupSettings;
beforeEach(() => {
  home = emptyHome();
  settings = { everyHours: 24, keep: 3, folder: join(home, 'backups'), verify: false };
});

const began = () => selectBegan(db.database);
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR);
const make = async () => void (await backUp(db.database, home, { settings }));
const names = async () => (await readdir(settings.folder)).toSorted();

const dayOf = (hours: number) => `opsloop-${hoursAgo(hours).toISOString().slice(0, 10)}`;
afterEach(() => void vi.useRealTimers());

/** As if backups had been made so long ago. */
async function madeBefore(...hours: number[]): Promise<void> {
  await backUp(db.database, home);
  for (const { path } of (await listBackups(settings.folder, home)).past) {
    for (const age of hours)
      await copyFile(path, join(settings.folder, await nameFor(home, hoursAgo(age), 'sound')));
    await rename(path, join(home, 'first'));
  }
}

test('one is due a period after the last one', () => {
  const now = new Date();
  expect(dueIn(24, hoursAgo(23), now)).toBeCloseTo(HOUR, -3);
  expect(dueIn(24, hoursAgo(100), now)).toBeLessThan(0);
  // A clock that moved by seconds is no reason for another one; one that was far ahead tells nothing.
  expect(dueIn(24, hoursAgo(-0.01), now)).toBe(24 * HOUR);
  expect(dueIn(24, hoursAgo(-10_000), now)).toBe(0);
  // A database that is away says no time.
  expect(dueIn(24, null, now)).toBe(24 * HOUR);
});

test('what a machine missed that was off is made up for once, and the oldest makes room after it', async () => {
  await madeBefore(300, 276, 252);
  await writeFile(join(settings.folder, 'notes.txt'), 'mine');
  expect(await backUpIfDue(settings, home, began, make)).toBe('made');
  expect(await backUpIfDue(settings, home, began, make)).toBe('not due');
  const days = (await names()).map((name) => name.slice(0, 18));
  const expected = [276, 252, 0].map(dayOf);
  expect(days).toEqual(['notes.txt', ...expected]);
});

test('after one of a clock that was ahead they go on as ever, and health tells of it', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 * HOUR });
  await make();
  const [ahead = ''] = await names();
  vi.setSystemTime(Date.now() - 10_000 * HOUR);
  const results: unknown[] = [];
  for (let hours = 0; hours <= 120; hours += 12) {
    // The database was made at a time that has not come, too.
    results.push(await backUpIfDue(settings, home, () => Promise.resolve(hoursAgo(-9_000)), make));
    vi.setSystemTime(Date.now() + 12 * HOUR);
  }
  expect(results.filter((result) => result === 'made')).toHaveLength(6);
  expect(results.filter((result) => result === 'not due')).toHaveLength(5);
  expect((await names()).map((name) => name.slice(0, 18))).toEqual(
    [60, 36, 12].map(dayOf).concat(ahead.slice(0, 18)),
  );
  expect(backupProblems(await readBackupsState(settings, home, await began()))).toEqual([
    { code: 'backup_in_future', message: expect.stringContaining(ahead) },
  ]);
});

test('homes that share a folder list, count and drop their own alone', async () => {
  const other = emptyHome();
  const otherMakes = async () =>
    void (await backUp(db.database, other, { settings: { ...settings, keep: 1 } }));
  await madeBefore(300, 276, 252);
  const before = await names();
  expect(await backUpIfDue(settings, other, () => Promise.resolve(hoursAgo(400)), otherMakes)).toBe('made');
  expect(await names()).toEqual(expect.arrayContaining(before));
  expect(backupProblems(await readBackupsState(settings, home, hoursAgo(400)))).toMatchObject([
    { code: 'backup_old' },
  ]);
  expect(await backUpIfDue(settings, home, began, make)).toBe('made');
  expect(await names()).toHaveLength(4);
  expect((await listBackups(settings.folder, other)).past).toHaveLength(1);
});

test('a backup that fails drops nothing, and health says so until one succeeds', async () => {
  await madeBefore(300, 276, 252);
  const before = await names();
  const full = () => Promise.resolve(2 ** 20);
  const fails = async () => void (await backUp(db.database, home, { free: full }));
  expect(await backUpIfDue(settings, home, began, fails)).toMatchObject({ code: 'disk_full' });
  expect(await names()).toEqual(before);
  const state = await readBackupsState(settings, home, await began());
  expect(backupProblems(state)).toMatchObject([
    {
      code: 'backup_failed',
      message: expect.stringMatching(/Not enough space.*1 MB are free.*opsloop backup/),
    },
    { code: 'backup_old', message: expect.stringContaining('one is due every 24 h') },
  ]);
  const problems = async () => backupProblems(await readBackupsState(settings, home, await began()));
  expect(await backUpIfDue(settings, home, began, make)).toBe('made');
  expect(await problems()).toEqual([]);
  // One that is made by hand does, too.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR });
  await noteFailure(home, 'the disk was full');
  expect(await problems()).toMatchObject([{ code: 'backup_failed' }]);
  await make();
  expect(await problems()).toEqual([]);
});

const ALTER = (n: number) =>
  `update ops_events set payload = jsonb_build_object('n', ${n}) where kind = 'test.written' and entity_id = '7'`;

test('those that are not sound are tried again every hour, and neither count nor push out a sound one', async () => {
  await madeBefore(300, 276, 252);
  const sound = await names();
  await sealSome(db.database, 10);
  await tamper(db.database, ALTER(-1));
  onTestFinished(() => tamper(db.database, ALTER(7)));
  const verified = async () => {
    const { check } = await backUp(db.database, home, { verify: true });
    if (check?.ok === false) throw new Error(check.findings[0]);
  };
  vi.useFakeTimers({ toFake: ['Date'] });
  for (let hour = 0; hour < 3; hour++) {
    const result = await backUpIfDue(settings, home, began, verified);
    expect(result).toMatchObject({ message: expect.stringContaining('was altered') });
    vi.setSystemTime(Date.now() + HOUR);
  }
  // The last of them alone stays: it may be all there is.
  const [unsound] = (await listBackups(settings.folder, home)).unsound;
  expect(basename(unsound?.path ?? '')).toMatch(/\.unsound\.backup$/);
  expect(await names()).toEqual([...sound, basename(unsound?.path ?? '')]);
  const problems = async (given = settings) =>
    backupProblems(await readBackupsState(given, home, await began())).map(({ code }) => code);
  expect(await problems()).toEqual(['backup_failed', 'backup_old']);
  // One that nobody checked says nothing about that, and puts the next one that is checked off by nothing.
  const asked = { ...settings, verify: true };
  await backUp(db.database, home, { settings: asked });
  expect(await problems(asked)).toEqual(['backup_failed', 'backup_old']);
  expect(await backUpIfDue(asked, home, began, verified)).toBeInstanceOf(Error);
});

test('as many unverified ones as may be never push out the last one that was found sound', async () => {
  await madeBefore(300, 276, 252);
  vi.useFakeTimers({ toFake: ['Date'] });
  for (let n = 0; n < 5; n++) {
    await backUp(db.database, home);
    vi.setSystemTime(Date.now() + HOUR);
  }
  const left = await names();
  expect(left.map((name) => name.endsWith('.unverified.backup'))).toEqual([false, true, true, true]);
  expect(left[0]?.slice(0, 18)).toBe(dayOf(252 + 5));
});

test('it stops when the disk fills up while it writes, and leaves nothing', async () => {
  let looks = 0;
  const fills = () => Promise.resolve(++looks > 1 ? 0 : 2 ** 40);
  await db.database.query(
    `insert into ops_events (kind, payload)
     select 'test.large', to_jsonb((select string_agg(md5(random()::text || m), '') from generate_series(n, n + 999) m))
     from generate_series(1, 300) n`,
  );
  await expect(backUp(db.database, home, { free: fills })).rejects.toMatchObject({ code: 'disk_full' });
  expect(looks).toBe(2);
  expect(await names()).toEqual([]);
});

test('one at a time for a home', async () => {
  const held = await tryLock(join(home, 'backup-lock'));
  await expect(backUp(db.database, home)).rejects.toMatchObject({ code: 'already_running' });
  if ('release' in held) await held.release();
  await backUp(db.database, home);
});

test('verifying restores into a database of its own and leaves nothing of it, nor of one that was killed', async () => {
  const mark = await markOf(home);
  const [killed, living] = [`opsloop_check_${mark}_0dead0beef`, `opsloop_check_${mark}_0a11fe`];
  await onServer(`create database ${killed}`);
  await onServer(`create database ${living}`);
  // A home that was copied whole has the same mark.
  const inIt = await openCopyConnection(directAddressOf(living));
  onTestFinished(async () => {
    await inIt.close();
    await onServer(`drop database ${living} with (force)`);
  });
  const made = await backUp(db.database, home, { verify: true });
  expect(made).toMatchObject({
    check: { ok: true, findings: [] },
    seconds: { checking: expect.any(Number) },
  });
  expect(
    await onServer(`select datname from pg_database where datname like 'opsloop_check_${mark}%'`),
  ).toEqual([{ datname: living }]);
});

test('what this home left behind is tidied, what another may be writing is not', async () => {
  await backUp(db.database, home);
  const partial = async (mark: string, machine: string, hours: number) => {
    const name = `.opsloop-${hours}.backup.${mark}.${machine}.partial`;
    await writeFile(join(settings.folder, name), 'begun');
    await utimes(join(settings.folder, name), hoursAgo(hours), hoursAgo(hours));
    return name;
  };
  const mark = await markOf(home);
  const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
  const ofAnother = await partial('0123456789ab', machine, 50);
  const ofCopy = await partial(mark, '0123456789ab', 2);
  await partial(mark, '0123456789ab', 25);
  await partial(mark, machine, 0);
  await backUp(db.database, home, { path: join(settings.folder, 'by-hand.backup') });
  expect(await names()).toEqual([
    ofCopy,
    ofAnother,
    'by-hand.backup',
    expect.stringMatching(/^opsloop-.*Z-[0-9a-f]{12}\.unverified\.backup$/),
  ]);
});

test('machines of one name whose homes have one path leave each other alone', async () => {
  const path = (name: string) => join(settings.folder, name);
  const write = (name: string, meanwhile?: () => Promise<unknown>) =>
    putBackup(path(name), home, async (file) => {
      await file.writeFile(name);
      await meanwhile?.();
      return { file: path(name) };
    });
  await write('one', async () => {
    // What the other machine has at this path.
    await rm(join(home, 'backup-mark'));
    await write('two');
  });
  expect(await names()).toEqual(['one', 'two']);
});

test('by default daily, seven kept, verified, for the own database; for another one when asked to', async () => {
  const own = testConfig();
  expect(own.backups).toEqual({ everyHours: 24, keep: 7, folder: join(own.home, 'backups'), verify: true });
  expect(testConfig({ DATABASE_URL: 'postgres://db.example/ops' }).backups.everyHours).toBeNull();
  await writeFile(join(home, 'config.json'), '{"backups": {"every_hours": 6, "folder": "/mnt/b"}}');
  const asked = testConfig({ DATABASE_URL: 'postgres://db.example/ops', OPSLOOP_HOME: home });
  expect(asked.backups).toMatchObject({ everyHours: 6, keep: 7, folder: '/mnt/b' });
  await writeFile(join(home, 'config.json'), '{"backups": false}');
  expect(testConfig({ OPSLOOP_HOME: home }).backups.everyHours).toBeNull();
  await writeFile(join(home, 'config.json'), '{"backups": {"keep": 0}}');
  expect(() => testConfig({ OPSLOOP_HOME: home })).toThrow(/keep/);
});
