import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Claim } from '../../src/engine/schema.ts';
import { insertWorkClaims } from '../../src/engine/work-claims.ts';
import { renewLease } from '../../src/engine/workers.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useApp } from '../support/app.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { callWork, newWorkerName, sweep } from '../support/work.ts';

const t = useApp();

test('a process that nobody renews through leaves the leases of remote workers alone', async () => {
  await openPolicy(t.database);
  const admitted = await proposer(t.database)();
  const stepId = admitted.mission?.steps[0]?.id ?? '';
  const worker = newWorkerName();
  await callWork(t, 'claim', { worker, kinds: ['analyze'], wait_seconds: 5 });
  for (const table of ['ops_workers', 'ops_work_claims'])
    await t.database.query(
      `update ${table} set renewed_at = clock_timestamp() - interval '41 s',
         lease_expires_at = clock_timestamp() - interval '40 s' where worker_id = $1`,
      [worker],
    );
  await sweep(t.database, false);
  expect(await getStep(t.database, stepId)).toMatchObject({ status: 'running', failures: 0 });
  await sweep(t.database);
  expect(await getStep(t.database, stepId)).toMatchObject({ status: 'queued', failures: 1 });
});

test('a lease is counted from when it is given or renewed, not from when its transaction began', async () => {
  const { workerId } = await testWorker(t.database);
  const worker = { workerId, keyId: 'environment', keyHasNoRow: true, leaseMs: 30_000 };
  await t.database.transaction(async (tx) => {
    const claim = { id: randomUUID(), claim_id: randomUUID(), attempt: 1 } as Claim;
    await insertWorkClaims(tx, worker, [{ claim, secretHash: Buffer.alloc(32) }]);
    await renewLease(tx, workerId, []);
    // Between the beginning and the claim a lock that somebody held can have been waited for.
    const [counted] = await tx.query(
      `select c.lease_expires_at > now() + interval '30 s' as given, w.lease_expires_at > now() + interval '10 s' as renewed
       from ops_work_claims c join ops_workers w using (worker_id) where worker_id = $1`,
      [workerId],
    );
    expect(counted).toEqual({ given: true, renewed: true });
  });
});
