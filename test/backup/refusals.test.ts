import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { Made } from '../../src/backup/make.ts';
import { countRelations } from '../../src/backup/queries.ts';
import { backUp, flip, restore } from '../support/backup.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { emptyHome, sealSome, tamper } from '../support/sealed-log.ts';

const original = useDatabase();
const target = useDatabase('empty');
const home = emptyHome();
let made: Made;

beforeAll(async () => {
  await openPolicy(original.database);
  await proposer(original.database)({});
  await sealSome(original.database, 500);
  made = await backUp(original.database, home);
});

const isEmpty = async () => (await countRelations(target.database)) === 0;

test('it never restores over data, not even over an empty schema', async () => {
  const refused = restore(made.file, original.database);
  await expect(refused).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/^Refusing to overwrite/),
  });
});

test('it never writes over a file', async () => {
  const path = join(home, 'mine');
  await writeFile(path, 'precious');
  await expect(backUp(original.database, home, { path })).rejects.toMatchObject({ code: 'conflict' });
  expect(await readFile(path, 'utf8')).toBe('precious');
});

test('whichever byte was damaged, and wherever it was cut off, it says so and changes nothing', async () => {
  const { length } = await readFile(made.file);
  const ends = [...Array(20).keys(), ...Array.from({ length: 100 }, (_, n) => length - 1 - n)];
  const spread = Array.from({ length: 60 }, (_, n) => Math.floor((n * length) / 60) + n);
  for (const at of new Set([...ends, ...spread])) {
    const path = await flip(made.file, at, join(home, 'flipped'));
    const thrown = await restore(path, target.database).catch((error: unknown) => error);
    expect([at, (thrown as { code?: string }).code]).toEqual([
      at,
      expect.stringMatching(/^(backup_unusable|database_newer)$/),
    ]);
  }
  const whole = await readFile(made.file);
  for (const size of [0, 1, 17, 18, 200, length - 2_000, length - 100, length - 1]) {
    const path = join(home, 'cut');
    await writeFile(path, whole);
    await truncate(path, size);
    await expect(restore(path, target.database)).rejects.toMatchObject({ code: 'backup_unusable' });
  }
  expect(await isEmpty()).toBe(true);
});

const FIRST_LINE = 'opsloop backup 1\n'.length;

/** The same backup with another manifest, or other bytes where the packed rows are, and a checksum that is right. */
async function forged(
  change: (text: string) => string,
  packed: (rows: Buffer) => Buffer = (rows) => rows,
): Promise<string> {
  const whole = await readFile(made.file);
  const length = Number(/^opsloop-backup-end (\d{10})/m.exec(whole.subarray(-95).toString('latin1'))?.[1]);
  const at = whole.length - 95 - length;
  const manifest = Buffer.from(change(whole.subarray(at, at + length).toString()));
  const body = Buffer.concat([
    whole.subarray(0, FIRST_LINE),
    packed(whole.subarray(FIRST_LINE, at)),
    manifest,
    Buffer.from(`opsloop-backup-end ${String(manifest.length).padStart(10, '0')} `),
  ]);
  const path = join(home, 'forged');
  await writeFile(
    path,
    Buffer.concat([body, Buffer.from(`${createHash('sha256').update(body).digest('hex')}\n`)]),
  );
  return path;
}

test('a newer schema, a newer format and another build are refused, and a path that leads out of the home', async () => {
  const newer = await forged((text) => text.replace(/"schema":\d+/, '"schema":999999'));
  await expect(restore(newer, target.database)).rejects.toMatchObject({ code: 'database_newer' });
  const format = join(home, 'format');
  await writeFile(
    format,
    (await readFile(made.file)).toString('latin1').replace('backup 1\n', 'backup 2\n'),
    'latin1',
  );
  await expect(restore(format, target.database)).rejects.toMatchObject({
    code: 'database_newer',
    message: expect.stringContaining('format'),
  });
  const other = await forged((text) => text.replace('"columns":["key","topic"', '"columns":["key","theme"'));
  await expect(restore(other, target.database)).rejects.toMatchObject({
    code: 'backup_unusable',
    message: expect.stringContaining('ops_alerts'),
  });
  const out = await forged((text) => text.replace('"file":"log-heads.jsonl"', '"file":"../x.jsonl"'));
  await expect(restore(out, target.database)).rejects.toMatchObject({ code: 'database_newer' });
  const rows = await forged((text) =>
    text.replace(/("table":"ops_events".*?"sha256":")[0-9a-f]{4}/, '$10000'),
  );
  await expect(restore(rows, target.database)).rejects.toMatchObject({ code: 'backup_unusable' });
  expect(await isEmpty()).toBe(true);
});

test('a list of contents that is none, or that tells of a file without bounds, is refused in words', async () => {
  const cases: [(text: string) => string, string][] = [
    [(text) => text.replace('{', '['), 'list of contents cannot be read'],
    [(text) => text.replace(/("file":"log-heads.jsonl","bytes":)\d+/, '$19000000000'), '9000000000 bytes'],
  ];
  for (const [change, why] of cases)
    await expect(restore(await forged(change), target.database)).rejects.toMatchObject({
      code: 'backup_unusable',
      message: expect.stringContaining(why),
    });
});

test('what cannot be unpacked, though its checksum is right, is refused, wherever that begins', async () => {
  const same = (text: string) => text;
  const none = await forged(same, (rows) => Buffer.alloc(rows.length, 'A'));
  // Nobody reads from it yet.
  await expect(
    restore(none, target.database, { onManifest: () => new Promise((resolve) => setImmediate(resolve)) }),
  ).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('unpacked') });
  for (const share of [0.3, 0.9]) {
    const later = await forged(same, (rows) => Buffer.from(rows).fill(0xff, Math.floor(rows.length * share)));
    await expect(restore(later, target.database)).rejects.toMatchObject({ code: 'backup_unusable' });
  }
  expect(await isEmpty()).toBe(true);
});

test('a restore that fails at its very end leaves the home as it was', async () => {
  const other = emptyHome();
  await writeFile(join(other, 'log-heads.jsonl'), 'of another log\n');
  const before = await readdir(other);
  await target.database.query(
    `create function public.fail() returns trigger language plpgsql as 'begin raise exception ''at the commit''; end'`,
  );
  await target.database.query(
    `create function public.prepare() returns event_trigger language plpgsql as $$ begin
       if to_regclass('ops_events') is not null and not exists (select from pg_trigger where tgname = 'at_the_end') then
         create constraint trigger at_the_end after insert on ops_events deferrable initially deferred
           for each row when (new.kind = 'backup.restored') execute function public.fail();
       end if; end $$`,
  );
  await target.database.query(
    `create event trigger opsloop_fails on ddl_command_end when tag in ('CREATE TABLE') execute function public.prepare()`,
  );
  try {
    await expect(restore(made.file, target.database, { home: other })).rejects.toThrow(/at the commit/);
  } finally {
    await target.database.query('drop event trigger opsloop_fails');
  }
  expect(await readFile(join(other, 'log-heads.jsonl'), 'utf8')).toBe('of another log\n');
  expect((await readdir(other)).filter((name) => name !== 'backup-lock')).toEqual(before);
  expect(await isEmpty()).toBe(true);
});

test('what is no backup is said to be none', async () => {
  const path = join(home, 'letter');
  await writeFile(path, 'Dear operator, this is a letter and no backup.');
  await expect(restore(path, target.database)).rejects.toMatchObject({
    code: 'backup_unusable',
    message: expect.stringContaining('no backup of opsloop'),
  });
  await expect(restore(join(home, 'nowhere'), target.database)).rejects.toMatchObject({ code: 'not_found' });
});

test('a log that was altered before it was backed up is found, and kept only when somebody says so', async () => {
  const copy = home;
  await tamper(
    original.database,
    `update ops_events set payload = '{"n": -1}' where kind = 'test.written' and payload ->> 'n' = '7'`,
  );
  const damaged = await backUp(original.database, copy, { verify: true, path: join(home, 'altered.backup') });
  expect(damaged.check).toMatchObject({ ok: false, findings: [expect.stringContaining('was altered')] });
  await expect(restore(damaged.file, target.database)).rejects.toMatchObject({ code: 'backup_unusable' });
  expect(await isEmpty()).toBe(true);
  const restored = await restore(damaged.file, target.database, { acceptFindings: true });
  expect(restored.check.ok).toBe(false);
  expect(await isEmpty()).toBe(false);
});

test('nothing is left of all that in the home', async () => {
  expect((await readdir(home)).filter((name) => name.startsWith('.') || name.endsWith('.partial'))).toEqual(
    [],
  );
});
