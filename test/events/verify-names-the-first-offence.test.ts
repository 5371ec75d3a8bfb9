import { beforeAll, expect, test } from 'vitest';
import type { Db } from '../../src/db/database.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, offenceAfter, rewriteChain, sealSome, tamper } from '../support/sealed-log.ts';
import { holding } from '../support/holding.ts';
import { sealAll } from '../support/loop.ts';

const db = useDatabase();
const options = { home: emptyHome() };
let last = 0;
let first = 0;

/** Five batches; the second one begins after ids that were rolled back and are forgotten. */
beforeAll(async () => {
  await sealAll(db.database);
  for (let batch = 0; batch < 5; batch++) {
    await sealSome(db.database, 10, batch === 1 ? 3 : 0);
    if (batch === 1) {
      const [row] = await db.database.query<{ id: number }>('select max(id) as id from ops_events');
      await db.database.query(
        `insert into ops_events (kind, source, entity, entity_id, payload) values ('t', 't', 'report', 'x', '{}')`,
      );
      await sealOnce(db.database, row?.id);
    }
  }
  const [ids] = await db.database.query<{ first: number; last: number }>(
    `select min(id) filter (where kind = 'test.written') as first, max(id) as last from ops_events`,
  );
  ({ first, last } = ids ?? { first: 0, last: 0 });
});

/** The place of an event: ids 11 to 13 of the test's own were never used. */
const placeOf = async (id: number) => {
  const [row] = await db.database.query<{ place: number }>(
    'select count(*) as place from ops_events where id <= $1',
    [id],
  );
  return row?.place;
};

const after = (...statements: string[]) =>
  offenceAfter(db.database, options, (tx) => tamper(tx, ...statements));

test('a log that nobody has touched is what was sealed', async () => {
  const { head, events, ok, offence, notes } = await verifyLog(db.database, options);
  expect({ ok, offence }).toEqual({ ok: true, offence: null });
  expect(events).toEqual({ checked: head?.seq, dropped: 0, unsealed: 0 });
  expect(notes).toEqual([expect.stringContaining('no signed head')]);
});

test.each([
  ['payload', `payload = '{"n": 0}'`],
  ['time', `created_at = created_at + interval '1 microsecond'`],
  ['thread', 'proposal_id = gen_random_uuid()'],
  ['source', 'source = null'],
])('a row whose %s was altered is named', async (_, change) => {
  const id = first + 25;
  const offence = await after(
    `update ops_events set ${change} where id = ${id}`,
    `update ops_events set kind = 'later' where id = ${id + 3}`,
  );
  expect(offence).toMatchObject({ kind: 'altered', event_id: id, seq: await placeOf(id) });
  expect(offence?.batch?.first_seq).toBeLessThanOrEqual(offence?.seq ?? 0);
});

test('a row that is missing is named, also the first and the last one, and how many follow it', async () => {
  for (const id of [1, first + 25, last]) {
    const seq = await placeOf(id);
    expect(await after(`delete from ops_events where id = ${id}`)).toMatchObject({
      kind: 'missing',
      event_id: id,
      seq,
    });
  }
  expect(
    (await after(`delete from ops_events where id between ${first + 20} and ${first + 22}`))?.what,
  ).toContain('So are the 2 after it');
});

test('a row that was inserted is named, wherever its id lies', async () => {
  const insert = (id: number) =>
    after(`insert into ops_events (id, kind, source, entity, entity_id, payload)
           values (${id}, 'policy.changed', 'policy', 'policy', 'paused', '{}')`);
  for (const id of [first + 11, 0, -7])
    expect(await insert(id)).toMatchObject({ kind: 'inserted', event_id: id, seq: null });
});

test('what comes after the last seal waits for it, and is no offence', async () => {
  expect(
    await after(
      `insert into ops_events (kind, source, entity, entity_id, payload) values ('t', 't', 'report', 'x', '{}')`,
    ),
  ).toBeNull();
});

test('the earliest place is named when several things are wrong', async () => {
  const id = first + 2;
  const offence = await after(
    `update ops_event_batches set hash = '\\x00' where last_seq = (select max(last_seq) from ops_event_batches)`,
    `delete from ops_events where id = ${last - 12}`,
    `update ops_events set kind = 'x' where id = ${id}`,
  );
  expect(offence).toMatchObject({ kind: 'altered', event_id: id });
});

test('a digest that was altered is told from a row that was altered', async () => {
  const seq = (await placeOf(first + 25)) ?? 0;
  const offence = await after(
    `update ops_event_batches set digests = set_byte(digests, 32 * (${seq} - first_seq)::integer, 7 # get_byte(digests, 32 * (${seq} - first_seq)::integer))
     where ${seq} between first_seq and last_seq`,
  );
  expect(offence).toMatchObject({ kind: 'digests_altered', event_id: first + 25, seq });
});

test.each([
  ['its hash', 'hash = sha256(hash)', 'digests_altered'],
  ['which events it has', 'ids = ids + int8multirange(int8range(900000, 900001))', 'batch_altered'],
  ['the ids in it', `ids = '{[900000,900010)}'`, 'batch_altered'],
  ['its highest id', 'max_event_id = 1', 'batch_altered'],
])('a batch of which somebody altered %s is named', async (_, change, kind) => {
  const seq = (await placeOf(first + 25)) ?? 0;
  const offence = await after(
    `update ops_event_batches set ${change} where ${seq} between first_seq and last_seq`,
  );
  expect(offence?.kind).toBe(kind);
  expect(offence?.batch?.first_seq).toBeLessThanOrEqual(seq);
  expect(offence?.batch?.last_seq).toBeGreaterThanOrEqual(seq);
});

test('a batch that names an event of another one is found', async () => {
  const seq = (await placeOf(first + 25)) ?? 0;
  const offence = await after(
    `update ops_event_batches set ids = ids - int8multirange(int8range(${first + 25}, ${first + 26})) + '{[2,3)}'
     where ${seq} between first_seq and last_seq`,
  );
  expect(offence).toMatchObject({ kind: 'batch_altered', event_id: 2 });
});

test('a batch that is missing is named by its places', async () => {
  const seq = (await placeOf(first + 25)) ?? 0;
  const [batch] = await db.database.query<{ first_seq: number; last_seq: number }>(
    'select first_seq, last_seq from ops_event_batches where $1 between first_seq and last_seq',
    [seq],
  );
  const offence = await after(`delete from ops_event_batches where ${seq} between first_seq and last_seq`);
  expect(offence).toMatchObject({ kind: 'batch_missing', seq: batch?.first_seq });
  expect(offence?.what).toContain(`${batch?.first_seq} to ${batch?.last_seq}`);
});

test('without a signed head, a chain that was computed anew is whole: that is what the signed heads are for', async () => {
  const offence = await offenceAfter(db.database, options, async (tx) => {
    await tamper(tx, `update ops_events set payload = '{}' where id = ${first + 25}`);
    await rewriteChain(tx);
  });
  expect(offence).toBeNull();
});

test('what is sealed while it verifies is no offence, also in the gaps of what was sealed before', async () => {
  await sealSome(db.database, 3);
  const write = `insert into ops_events (kind, source, entity, entity_id, payload) values ('t', 't', 'report', 'x', '{}')`;
  const commit = await holding(db.open(1), write);
  await db.database.query(write);
  await sealAll(db.database);
  let reads = 0;
  const slow: Db = {
    async query(text, values, more) {
      const rows = await db.database.query(text, values, more);
      // When it has read where the chain ends, which it does a second time after the heads.
      if (text.includes('as installation') && ++reads === 2) {
        await commit();
        await sealSome(db.database, 3);
      }
      return rows as never;
    },
  };
  expect(await verifyLog(slow, options)).toMatchObject({ ok: true, offence: null });
  expect(reads).toBe(2);
});
