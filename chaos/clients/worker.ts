import { randomUUID } from 'node:crypto';
import { sleep } from '../lib/time.ts';
import { type Means, record, send } from './api.ts';

type Claim = { claim_id: string; token: string; step: { id: string } };

const AGAIN_MS = 500;

/**
 * Works steps over HTTP and writes down which results were taken. A result is sent until a server says that it is
 * stored, or that the claim is lost.
 */
export async function runHttpWorker(means: Means, name: string): Promise<void> {
  let worker = `${name}-${randomUUID()}`;
  while (!means.stopping.aborted) {
    const body = { worker, kinds: ['carry'], most: 2, wait_seconds: 2, lease_seconds: 10 };
    const given = await send<{ claims: Claim[] }>(means, {
      method: 'POST',
      path: '/api/ops/work/claim',
      body,
    });
    if (given.outcome === 'ok') await Promise.all(given.body.claims.map((claim) => work(means, name, claim)));
    else {
      if (given.code === 'worker_ended') worker = `${name}-${randomUUID()}`;
      await sleep(AGAIN_MS, means.stopping);
    }
  }
}

async function work(means: Means, name: string, { claim_id: claim, token, step }: Claim): Promise<void> {
  await sleep(means.random.below(800));
  const request = {
    method: 'POST',
    path: `/api/ops/work/claims/${claim}/complete`,
    body: { output: { carried_by: name, claim } },
  };
  const asHolder: Means = { ...means, apiKey: token };
  for (;;) {
    const answer = await record(asHolder, name, 'complete', { claim, step: step.id }, request);
    if (answer.outcome !== 'info') return;
    await sleep(AGAIN_MS);
  }
}
