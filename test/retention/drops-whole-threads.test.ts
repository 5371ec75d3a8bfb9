import { expect, test } from 'vitest';
import { ensureLogKey } from '../../src/events/proof/key.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { followEvents, listEvents } from '../../src/events/events.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, offenceAfter, tamper } from '../support/sealed-log.ts';
import { openPolicy, proposer, readLog } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { dropEnded, endedThreads, proposalIds } from '../support/retention.ts';

const db = useDatabase();
const home = emptyHome();
const differ = () => whatIsWrong(db.database, home);

test('threads that ended are dropped as a whole: what is left of the log gives what is left of the tables', async () => {
  const { database } = db;
  await openPolicy(database);
  const { all } = await endedThreads(database);
  const kept = (await proposer(database)({ kind: 'deploy' })).proposal.id;
  const before = await readLog(database);

  const dropped = await dropEnded(database, home);
  expect(dropped).toMatchObject({ proposals: all.length, transactions: 1, more: false });
  expect(await proposalIds(database)).toEqual([kept]);
  for (const table of ['ops_missions', 'ops_steps', 'ops_artefacts', 'ops_llm_calls'])
    expect([table, await database.query(`select from ${table}`)]).toEqual([table, []]);
  expect(await differ()).toEqual([]);

  // What is left stands where it stood; one event more tells what is gone.
  const after = await readLog(database);
  const left = before.filter((event) => !all.includes(event.proposal_id ?? ''));
  expect(before.length - left.length).toBe(dropped.events);
  expect(after.slice(0, left.length)).toEqual(left);
  expect(after.slice(left.length)).toMatchObject([
    {
      kind: 'log.pruned',
      entity: 'log',
      payload: {
        cause: { by: 'retention', reason: 'a test' },
        proposals: 3,
        missions: 3,
        outputs: 1,
        events: dropped.events,
        ids: expect.stringMatching(/^\{\[\d+,\d+\)/),
        signature: expect.any(String),
      },
    },
  ]);
});

test('verifying accepts what a signed event says was dropped', async () => {
  const verdict = await verifyLog(db.database, { home });
  expect(verdict).toMatchObject({ ok: true, offence: null });
  expect(verdict.events.dropped).toBeGreaterThan(10);
});

test('a row that was deleted by hand is missing, also when the trigger was asked to look away', async () => {
  const { database } = db;
  await expect(database.query('delete from ops_events where id = 1')).rejects.toMatchObject({
    code: '23514',
  });
  const offence = await offenceAfter(database, { home }, async (tx) => {
    await tx.query(`select set_config('opsloop.pruning', 'on', true)`);
    await tx.query('delete from ops_events where id = 1');
  });
  expect(offence).toMatchObject({ kind: 'missing', event_id: 1, seq: 1 });
});

/** Deletes an event, and tells of it as retention does. */
const deleteAndTell = (change: string, options = { home }) =>
  offenceAfter(db.database, options, (tx) =>
    tamper(
      tx,
      'delete from ops_events where id = 1',
      `insert into ops_events (kind, source, entity, entity_id, payload)
       select kind, source, entity, entity_id, ${change} from ops_events where kind = 'log.pruned' limit 1`,
    ),
  );

test('nobody explains a deletion away without the key', async () => {
  const unsigned = await deleteAndTell(`payload || '{"ids": "{[1,2)}"}'`);
  expect(unsigned).toMatchObject({ kind: 'missing', event_id: 1 });
  expect(unsigned?.what).toContain('no good signature');
  const byOther = await deleteAndTell(`payload || '{"ids": "{[1,2)}", "key": "0123456789abcdef"}'`);
  expect(byOther).toMatchObject({ kind: 'unproven', event_id: 1, todo: expect.stringContaining('--trust') });
});

test('a home without a key says that it cannot check; one that trusts the key can', async () => {
  const elsewhere = emptyHome();
  const unchecked = await verifyLog(db.database, { home: elsewhere });
  expect(unchecked.ok).toBe(true);
  expect(unchecked.notes).toContainEqual(expect.stringContaining('signature that cannot be checked here'));
  const trusted = [await ensureLogKey(home)];
  expect((await verifyLog(db.database, { home: elsewhere, trusted })).notes).toHaveLength(1);
  const other = emptyHome();
  await ensureLogKey(other);
  expect((await verifyLog(db.database, { home: other })).offence?.kind).toBe('unproven');
  expect((await verifyLog(db.database, { home: other, trusted })).ok).toBe(true);
});

test('readers pass over the holes: the list, a thread, and those who follow from the beginning', async () => {
  const { database } = db;
  const log = await readLog(database);
  const { events, next } = await listEvents(database, {}, { limit: 200 });
  expect([events.toReversed(), next]).toEqual([log, null]);
  const [kept = ''] = await proposalIds(database);
  const thread = await listEvents(database, { proposalId: kept }, { limit: 10 });
  expect(thread.events.toReversed()).toEqual(log.filter((event) => event.proposal_id === kept));
  const stop = new AbortController();
  const seen: unknown[] = [];
  for await (const chunk of followEvents(database, {}, 0, stop.signal)) {
    seen.push(...chunk.events);
    if (chunk.throughSeq === log.at(-1)?.seq) stop.abort();
  }
  expect(seen).toEqual(log);
});

test('what was dropped is not dropped again, and an installation with nothing old writes no event', async () => {
  const { length } = await readLog(db.database);
  expect(await dropEnded(db.database, home)).toMatchObject({ proposals: 0, events: 0, transactions: 0 });
  expect(await readLog(db.database)).toHaveLength(length);
});
