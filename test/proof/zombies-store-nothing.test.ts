import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { recordLate } from '../../src/engine/late.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { renewLease } from '../../src/engine/workers.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';

const db = useDatabase();
const ATTEMPTS = partOf(10_000);
const AT_ONCE = Math.min(500, ATTEMPTS);

test(`${count(ATTEMPTS)} workers that lost their claims can neither complete, release, fail nor renew, before and after the next one ended it`, async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const worker = await testWorker(db.database);
  let attempts = 0;
  for (; attempts < ATTEMPTS; attempts += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => propose({ agentId: 'ops' })));
    const lost = await worker.claim('analyze', AT_ONCE);
    await db.database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
    const late = lost.map((claim) => ({ ...claim, output: 'zombie' }));
    const zombie = async () => {
      expect((await completeSteps(db.database, late)).size).toBe(0);
      expect((await releaseSteps(db.database, lost, { reason: 'shutdown' })).size).toBe(0);
      const { lost: told } = await renewLease(db.database, worker.workerId, lost);
      expect(told).toHaveLength(lost.length);
      const failure = { failure: { class: 'error', message: 'zombie' }, final: true, retryInMs: 0 };
      const failed = await db.database.transaction(async (tx) => {
        const ends = [];
        for (const claim of lost) ends.push(await failStep(tx, { ...claim, ...failure }));
        return ends;
      });
      expect(failed.filter((end) => end !== null)).toEqual([]);
    };
    await zombie();
    const fresh = await worker.claim('analyze', AT_ONCE);
    expect(fresh).toHaveLength(AT_ONCE);
    await zombie();
    const mine = fresh.map((claim) => ({ ...claim, output: 'mine' }));
    await Promise.all([completeSteps(db.database, mine), completeSteps(db.database, late)]);
    await zombie();
    await recordLate(db.database, late, worker.workerId);
  }
  expect(await db.database.query(`select from ops_steps where output is distinct from '"mine"'`)).toEqual([]);
  expect(await whatIsWrong(db.database)).toEqual([]);
  figure(
    'late outputs accepted',
    `0 in ${count(10_000)}`,
    `0 in ${count(attempts)} lost claims, each used three times to complete, release and fail`,
  );
}, 1_800_000);
