import { silentLog } from '../../src/log.ts';
import { expect, test } from 'vitest';
import { recoverSteps } from '../../src/engine/recover.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { getStep } from '../../src/steps/steps.ts';
import { makeFinisher } from '../../src/worker/finisher.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { clearQueue, eventsOf } from '../support/worker.ts';

const db = useDatabase();

async function claimed(count: number) {
  await openPolicy(db.database);
  await clearQueue(db.database);
  const propose = proposer(db.database);
  for (let n = 0; n < count; n++) await propose();
  const worker = await testWorker(db.database);
  const finisher = makeFinisher(db.database, worker.workerId, new AbortController().signal, silentLog());
  return { worker, finisher, claims: await worker.claim('analyze', count) };
}

const completion = ({ id, claim_id }: Claim, output: unknown) => ({ id, claim_id, output });

test('what ends together is one transaction, with the writes that go with each', async () => {
  const { finisher, claims } = await claimed(5);
  const transactions = new Set<string>();
  const ends = await Promise.all(
    claims.map((claim, n) =>
      finisher.complete(completion(claim, n), async (tx, held) => {
        const [row] = await tx.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
        transactions.add(`${row?.xid} ${held}`);
      }),
    ),
  );
  expect(ends).toEqual(['kept', 'kept', 'kept', 'kept', 'kept']);
  expect([...transactions]).toEqual([expect.stringMatching(/ true$/)]);
  for (const [n, { id }] of claims.entries()) expect((await getStep(db.database, id)).output).toBe(n);
});

test('one that cannot be written does not take its neighbours with it', async () => {
  const { finisher, claims } = await claimed(3);
  const ends = await Promise.allSettled(
    claims.map((claim, n) =>
      finisher.complete(completion(claim, n), async (tx) => {
        if (n === 1) await tx.query('select 1 / 0');
      }),
    ),
  );
  expect(ends.map((end) => (end.status === 'fulfilled' ? end.value : String(end.reason)))).toEqual([
    'kept',
    expect.stringContaining('division by zero'),
    'kept',
  ]);
  expect((await getStep(db.database, claims[1]?.id ?? '')).status).toBe('running');
});

test('two attempts of one step that end together: the lost one is late, and nothing goes with it', async () => {
  const { worker, finisher, claims } = await claimed(1);
  const [lost] = claims;
  if (!lost) throw new Error('nothing was claimed');
  await db.database.query(`update ops_steps set claimed_at = now() - interval '31 minutes' where id = $1`, [
    lost.id,
  ]);
  await db.database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: 30, perKind: {} }));
  const fresh = await worker.claimOne();
  const told: [string, boolean][] = [];
  const ends = await Promise.all([
    finisher.complete(completion(lost, 'lost'), async (_tx, held) => void told.push(['lost', held])),
    finisher.complete(completion(fresh, 'fresh'), async (_tx, held) => void told.push(['fresh', held])),
    finisher.complete(completion(lost, 'lost again'), async (_tx, held) => void told.push(['again', held])),
  ]);
  expect(ends).toEqual(['late', 'kept', 'late']);
  expect(told).toEqual([
    ['lost', false],
    ['fresh', true],
    ['again', false],
  ]);
  expect((await getStep(db.database, fresh.id)).output).toBe('fresh');
  expect(await eventsOf(db.database, fresh.id, 'step.late_result')).toHaveLength(2);
});
