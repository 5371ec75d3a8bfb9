import { afterEach, expect, test } from 'vitest';
import { makeLink, type Link } from '../../chaos/proxy/link.ts';
import { AmbiguousCommit, type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { useDatabase } from '../support/database.ts';

const db = useDatabase();
const opened: Database[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) {
    database.sever();
    await database.close();
  }
});

/** A pool that reaches the database through a link, and gives a statement up after half a second. */
async function throughLink(max = 1): Promise<{ link: Link; database: Database }> {
  const direct = new URL(db.directUrl);
  const link = await makeLink('x', Number(direct.port), 'postgres');
  direct.port = String(link.port);
  const options = { log: silentLog(), max, queryTimeoutMs: 500, listenUrl: null };
  const database = openDatabase(direct.href, options);
  opened.push(database);
  return { link, database };
}

const noteFact = (database: Database, key: string) =>
  database.transaction((tx) => tx.query('insert into ops_installation values ($1, $2)', [key, '1']));
const isStored = async (key: string) =>
  (await db.database.query('select from ops_installation where key = $1', [key])).length === 1;

test('an answer that is lost after COMMIT leaves what was committed, and says that nobody knows', async () => {
  const { link, database } = await throughLink();
  link.set({ kind: 'lose-replies' });
  // Every second one is lost.
  await noteFact(database, 'told');
  await expect(noteFact(database, 'untold')).rejects.toThrow(AmbiguousCommit);
  expect(link.counts.commitsLost).toBe(1);
  expect(await isStored('untold')).toBe(true);
  link.set({ kind: 'pass' });
  await noteFact(database, 'after');
  expect(await isStored('after')).toBe(true);
});

test('what a black hole held arrives when it is over', async () => {
  const { link, database } = await throughLink(2);
  await database.query('select 1');
  link.set({ kind: 'hold', what: 'everything' });
  await expect(database.query(`insert into ops_installation values ('held', '1')`)).rejects.toThrow();
  expect(await isStored('held')).toBe(false);
  link.set({ kind: 'pass' });
  await expect.poll(() => isStored('held')).toBe(true);
});

test('with the answers held, the work is done and nobody hears of it', async () => {
  const { link, database } = await throughLink();
  await database.query('select 1');
  link.set({ kind: 'hold', what: 'answers' });
  await expect(database.query(`insert into ops_installation values ('silent', '1')`)).rejects.toThrow();
  expect(await isStored('silent')).toBe(true);
  expect(link.counts.held).toBeGreaterThan(0);
});

test('a half-open connection is silent for its client, and the next one works', async () => {
  const { link, database } = await throughLink();
  await database.query('select 1');
  link.forget();
  expect(link.counts.forgotten).toBe(1);
  await expect(database.query('select 2')).rejects.toThrow();
  expect(await database.query('select 3 as n')).toEqual([{ n: 3 }]);
});

test('a cut ends what is connected and refuses the next, a slice and a delay change nothing but the time', async () => {
  const { link, database } = await throughLink();
  await database.query('select 1');
  link.cut(true);
  await expect(database.query('select 2')).rejects.toThrow();
  link.cut(false);
  link.set({ kind: 'slice' });
  expect(await database.query(`select 'sliced' as word`)).toEqual([{ word: 'sliced' }]);
  link.set({ kind: 'delay', ms: 20 });
  const began = performance.now();
  await database.query('select 4');
  expect(performance.now() - began).toBeGreaterThan(35);
});
