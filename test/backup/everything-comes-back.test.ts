import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openArchive } from '../../src/backup/archive.ts';
import type { Made } from '../../src/backup/make.ts';
import type { Database } from '../../src/db/database.ts';
import { followEvents } from '../../src/events/events.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { backUp, fillEveryTable, restore } from '../support/backup.ts';
import { useDatabase } from '../support/database.ts';
import { readLog, sealAll } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { emptyHome, sealSome } from '../support/sealed-log.ts';

const original = useDatabase();
const copy = useDatabase('empty');
const home = emptyHome();
const copyHome = emptyHome();
let made: Made;
let before: Record<string, unknown>;

/** Every row of every table as text, and every sequence. What a restore changes on purpose is left out. */
async function contentOf(database: Database): Promise<Record<string, unknown>> {
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  );
  const content: Record<string, unknown> = {};
  for (const { name } of tables)
    content[name] = await database.query(`select t::text as row from ${name} t order by 1`);
  return {
    ...content,
    sequences: await database.query('select sequencename, last_value from pg_sequences order by 1'),
  };
}

beforeAll(async () => {
  await fillEveryTable(original.database, home);
  before = await contentOf(original.database);
  made = await backUp(original.database, home);
  await restore(made.file, copy.database, { home: copyHome, acceptFindings: true });
});

test('no table and no sequence is forgotten, and none of them was empty here', async () => {
  const archive = await openArchive(made.file);
  const { tables, sequences } = archive.manifest;
  await archive.close();
  const { sequences: all, ...named } = before as { sequences: { sequencename: string }[] };
  expect(tables.map(({ table }) => table).toSorted()).toEqual(Object.keys(named).toSorted());
  expect(sequences.map(({ name }) => name)).toEqual(all.map(({ sequencename }) => sequencename));
  expect(
    tables.filter(({ table, rows }) => rows === 0 && table !== 'ops_watch').map(({ table }) => table),
  ).toEqual([]);
  expect(made.rows).toBe(Object.values(named).reduce((sum: number, rows) => sum + (rows as []).length, 0));
});

test('every row comes back as it was, but for what a restore changes and says', async () => {
  const after = await contentOf(copy.database);
  const changed = Object.keys(before).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  expect(changed.toSorted()).toEqual(['ops_events', 'ops_policy', 'ops_sessions', 'sequences']);
  const told = await copy.database.query('select kind, payload from ops_events order by id desc limit 2');
  expect(told).toMatchObject([
    { kind: 'backup.restored', payload: { seq: made.seq, cause: { by: 'restore' } } },
    { kind: 'policy.changed', payload: { to: { enabled: true, restored: true } } },
  ]);
  expect(after.ops_sessions).toEqual([]);
});

test('the schema of the copy is the one that migrations make', async () => {
  const schemaOf = (database: Database) =>
    database.query(
      `select conrelid::regclass::text as of, conname as name, pg_get_constraintdef(oid) as def, convalidated as ok
       from pg_constraint where connamespace = 'public'::regnamespace
       union all select tablename, indexname, indexdef, true from pg_indexes where schemaname = 'public'
       union all select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled = 'O' from pg_trigger
         where not tgisinternal order by 1, 2, 3`,
    );
  const [ours, theirs] = [await schemaOf(original.database), await schemaOf(copy.database)];
  expect(ours.length).toBeGreaterThan(80);
  expect(theirs).toEqual(ours);
});

test('the log goes on where it was: the same events at the same places, then new ones', async () => {
  const { database } = copy;
  const log = await readLog(original.database);
  await sealSome(database, 3);
  const copied = await readLog(database);
  expect(copied.slice(0, made.seq ?? 0)).toEqual(log.slice(0, made.seq ?? 0));
  const until = new AbortController();
  const seen: string[] = [];
  for await (const { events, throughSeq } of followEvents(database, {}, made.seq ?? 0, until.signal)) {
    seen.push(...events.map(({ kind }) => kind));
    if (throughSeq >= copied.length) break;
  }
  expect(seen).toEqual(['policy.changed', 'backup.restored', 'test.written', 'test.written', 'test.written']);
  // What was put there by hand the original's log does not know either.
  expect(await whatIsWrong(database, copyHome)).toEqual(await whatIsWrong(original.database, home));
  const verdict = await verifyLog(database, { home: copyHome });
  expect(verdict).toMatchObject({ ok: true, offence: null, heads_compared: 1, notes: [] });
});

test('the file is for its owner alone, and the original tells of it', async () => {
  expect((await stat(made.file)).mode & 0o777).toBe(0o600);
  await sealAll(original.database);
  const told = await original.database.query(`select * from ops_events where kind = 'backup.made'`);
  expect(told).toMatchObject([
    { entity: 'backup', payload: { rows: made.rows, seq: made.seq, verified: null } },
  ]);
  expect(await readFile(join(copyHome, 'log-heads.jsonl'), 'utf8')).toBe(
    await readFile(join(home, 'log-heads.jsonl'), 'utf8'),
  );
});
