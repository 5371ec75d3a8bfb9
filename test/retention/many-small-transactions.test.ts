import { expect, test } from 'vitest';
import type { Db } from '../../src/db/database.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { homeActions } from '../../src/heartbeat/actions.ts';
import { reject } from '../../src/loop/decide.ts';
import { uuid7Floor } from '../../src/lib/uuid7.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, tamper } from '../support/sealed-log.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';
import { dropEnded, moveInTime, proposalIds } from '../support/retention.ts';

const db = useDatabase();
const home = emptyHome();

/** Proposals that a gate refused: they have ended at once. */
async function refuse(count: number): Promise<void> {
  await setPolicy(db.database, 'kind_caps', { tweet: 0 }, 'test');
  const propose = proposer(db.database);
  await Promise.all(Array.from({ length: count }, () => propose({ kind: 'tweet' })));
}

test('what is much is dropped in many transactions, each of 500 threads at most', async () => {
  await openPolicy(db.database);
  await refuse(1_101);
  expect(await dropEnded(db.database, home)).toMatchObject({
    proposals: 1_101,
    transactions: 3,
    more: false,
  });
  const told = await db.database.query<{ proposals: number }>(
    `select (payload ->> 'proposals')::integer as proposals from ops_events where kind = 'log.pruned' order by id`,
  );
  expect(told).toEqual([{ proposals: 500 }, { proposals: 500 }, { proposals: 101 }]);
  expect(await verifyLog(db.database, { home })).toMatchObject({ ok: true, events: { dropped: 2 * 1_101 } });
});

test('when time is up, the rest is left to the next beat', async () => {
  await refuse(600);
  expect(await dropEnded(db.database, home, 0)).toMatchObject({
    proposals: 500,
    transactions: 1,
    more: true,
  });
  expect(await dropEnded(db.database, home)).toMatchObject({ proposals: 100, more: false });
});

test('one process at a time drops', async () => {
  await refuse(1);
  await db.open(1).transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(7073005)');
    expect(await dropEnded(db.database, home)).toMatchObject({ proposals: 0, more: true });
  });
  expect(await dropEnded(db.database, home)).toMatchObject({ proposals: 1 });
});

test('verifying while threads are dropped finds nothing: it looks again for what explains a missing row', async () => {
  await refuse(50);
  await sealAll(db.database);
  let dropping: Promise<unknown> | undefined;
  const beside: Db = {
    async query(text, ...rest) {
      // Between the batches and their rows.
      if (text.includes('unnest($1::int8multirange)')) await (dropping ??= dropEnded(db.database, home));
      return db.database.query(text, ...rest);
    },
  };
  expect(await verifyLog(beside, { home })).toMatchObject({
    ok: true,
    events: { dropped: 2 * (1_702 + 50) },
  });
});

test('the beat drops what policy keeps no longer: 90 days by default, nothing when it says null', async () => {
  const { database } = db;
  const propose = proposer(database);
  const [drop] = homeActions(home).filter((action) => action.name === 'dropOldThreads');
  const ids: string[] = [];
  for (const days of [100, 80]) {
    const { id } = (await propose({ kind: 'deploy' })).proposal;
    await reject(database, id, { by: 'test' });
    await moveInTime(database, [id], -days);
    // Ids carry the time of their making.
    const made = uuid7Floor(new Date(Date.now() - days * 86_400_000));
    await database.transaction((tx) =>
      tamper(
        tx,
        `update ops_proposals set id = '${made}' where id = '${id}'`,
        `update ops_events set proposal_id = '${made}', entity_id = '${made}' where proposal_id = '${id}'`,
      ),
    );
    ids.push(made);
  }
  await sealAll(database);
  const [old = '', young = ''] = ids;
  await setPolicy(database, 'retention', { keep_days: null }, 'test');
  expect(await drop?.run(database)).toEqual({ keep_days: null });
  await setPolicy(database, 'retention', { keep_days: 90 }, 'test');
  await sealAll(database);
  expect(await drop?.run(database)).toMatchObject({ keep_days: 90, proposals: 1, more: false });
  expect(await proposalIds(database)).not.toContain(old);
  expect(await proposalIds(database)).toContain(young);
  await setPolicy(database, 'retention', { keep_days: 79 }, 'test');
  expect(await drop?.run(database)).toMatchObject({ proposals: 1 });
});

test('policy takes 1 to 3650 days, or null', async () => {
  for (const keep_days of [0, 3_651, 1.5, '90'])
    await expect(setPolicy(db.database, 'retention', { keep_days }, 'test')).rejects.toMatchObject({
      code: 'invalid_policy',
    });
});
