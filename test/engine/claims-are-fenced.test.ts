import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { completedBy } from '../../src/engine/late.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { renewLease } from '../../src/engine/workers.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();

/** A step whose first claim was taken back as stale, and that the same worker has claimed again. */
async function reclaimed() {
  await openPolicy(db.database);
  await proposer(db.database)();
  const worker = await testWorker(db.database);
  const old = await worker.claimOne();
  await db.database.query(`update ops_steps set claimed_at = now() - interval '31 minutes' where id = $1`, [
    old.id,
  ]);
  await db.database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: 30, perKind: {} }));
  const fresh = await worker.claimOne();
  expect(fresh.id).toBe(old.id);
  expect(fresh.attempt).toBe(2);
  return { worker, old, fresh };
}

test('a lost claim cannot complete, fail or release, even for the same worker and step', async () => {
  const { old, fresh } = await reclaimed();
  expect(await completeSteps(db.database, [{ ...old, output: 'late' }])).toEqual(new Set());
  const failing = { ...old, failure: { class: 'x', message: 'late' }, final: true, retryInMs: 0 };
  expect(await db.database.transaction((tx) => failStep(tx, failing))).toBeNull();
  expect(await releaseSteps(db.database, [old], { reason: 'shutdown' })).toEqual(new Set());
  expect(await getStep(db.database, old.id)).toMatchObject({
    status: 'running',
    claim_id: fresh.claim_id,
    output: null,
  });

  expect(await completeSteps(db.database, [{ ...fresh, output: 'mine' }])).toEqual(new Set([fresh.id]));
  expect((await getStep(db.database, old.id)).output).toBe('mine');
});

test('renewal tells which claims are lost', async () => {
  const { worker, old, fresh } = await reclaimed();
  const renewal = await renewLease(db.database, worker.workerId, [old, fresh]);
  expect(renewal).toMatchObject({ alive: true, lost: [old.claim_id], paused: false });
});

test('a completion whose answer was lost is found again by its claim', async () => {
  const { fresh } = await reclaimed();
  await completeSteps(db.database, [{ ...fresh, output: 1 }]);
  expect(await completeSteps(db.database, [{ ...fresh, output: 1 }])).toEqual(new Set());
  expect(await completedBy(db.database, [fresh])).toEqual(new Set([fresh.id]));
});

test('40 claimers take 400 steps, each once', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  await Promise.all(Array.from({ length: 400 }, () => propose()));
  const pools = [db.open(20), db.open(20)];
  const seen: string[] = [];
  await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      const database = pools[n % 2];
      if (!database) return;
      const worker = await testWorker(database);
      for (;;) {
        const claims = await worker.claim('analyze', 3);
        if (claims.length === 0) return;
        seen.push(...claims.map((claim) => claim.id));
      }
    }),
  );
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBe(400);
});

test('the order is priority, then age', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  for (const [title, priority] of [
    ['a', 0],
    ['b', 5],
    ['c', 0],
    ['d', -5],
  ] as const)
    await propose({ title, priority });
  const worker = await testWorker(db.database);
  const order = (await worker.claim('analyze', 4)).map((claim) => claim.title);
  expect(order).toEqual(['analyze: b', 'analyze: a', 'analyze: c', 'analyze: d']);
});

test('a pause claims nothing, for everybody or for one agent', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  await propose({ agentId: 'qa' });
  await propose({ agentId: 'pm' });
  const worker = await testWorker(db.database);
  await db.database.query(
    `update ops_policy set value = '{"enabled": true, "agents": []}' where key = 'paused'`,
  );
  expect(await worker.claim('analyze', 10)).toEqual([]);
  await db.database.query(
    `update ops_policy set value = '{"enabled": false, "agents": ["qa"]}' where key = 'paused'`,
  );
  expect((await worker.claim('analyze', 10)).map((claim) => claim.agent_id)).toEqual(['pm']);
  await db.database.query(`delete from ops_policy where key = 'paused'`);
  expect(await worker.claim('analyze', 10)).toEqual([]);
});
