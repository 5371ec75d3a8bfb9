import { expect, test } from 'vitest';
import { getStep } from '../../src/steps/steps.ts';
import { useApp } from '../support/app.ts';
import { openPolicy, proposer } from '../support/loop.ts';
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
