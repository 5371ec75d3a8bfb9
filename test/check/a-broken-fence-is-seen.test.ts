import { expect, test } from 'vitest';
import type { Db } from '../../src/db/database.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const failure = { class: 'error' as const, message: 'x' };

/** The same statements without the part that makes them name their claim. */
function unfenced(db: Db, fence: string): Db {
  return {
    query(text, values, options) {
      expect(text.split(fence)).toHaveLength(2);
      const name = typeof options === 'string' ? `${options}_unfenced` : options;
      return db.query(text.replace(fence, ''), values, name);
    },
  };
}

const ENDS: [string, string, (db: Db, claim: Claim) => Promise<unknown>][] = [
  [
    'completes',
    'and s.claim_id = given.claim_id ',
    (db, claim) => completeSteps(db, [{ ...claim, output: 'zombie' }]),
  ],
  [
    'releases',
    's.claim_id = given.claim_id and ',
    (db, claim) => releaseSteps(db, [claim], { reason: 'shutdown' }),
  ],
  [
    'fails',
    'and claim_id = $2 ',
    (db, claim) => failStep(db, { ...claim, failure, final: false, retryInMs: 0 }),
  ],
];

for (const [what, fence, end] of ENDS) {
  const db = useDatabase();
  test(`when a program ${what} what another claim holds, the history does not hold`, async () => {
    const { database } = db;
    await openPolicy(database);
    await proposer(database)();
    const worker = await testWorker(database);
    const lost = await worker.claimOne();
    await database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
    await worker.claimOne();
    expect(await whatIsWrong(database)).toEqual([]);
    await database.transaction((tx) => end(unfenced(tx, fence), lost));
    expect((await whatIsWrong(database)).join('\n')).toContain('did not hold it');
  });
}
