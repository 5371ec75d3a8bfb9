import { beforeEach, expect, test, vi } from 'vitest';
import { deleteOldWorkClaims } from '../../src/engine/work-claims.ts';
import { getStep } from '../../src/steps/steps.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useApp } from '../support/app.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { callWork, newWorkerName, withClaim } from '../support/work.ts';
import { clearQueue, dueNow, eventsOf, stepIs } from '../support/worker.ts';

/** A server that works nothing itself. */
const t = useApp({ parts: { worker: false, keeper: true } });
beforeEach(async () => {
  await openPolicy(t.database, ['own']);
  await setPolicy(t.database, 'plans', { own: ['translate', 'proofread'] }, 'test');
  await clearQueue(t.database);
});

async function propose() {
  const { proposal, mission } = await proposer(t.database)({ kind: 'own', agentId: 'pm' });
  return { proposalId: proposal.id, steps: mission?.steps ?? [] };
}

async function claimed(worker = newWorkerName(), kind = 'translate', lease_seconds = 10) {
  const { claims } = await callWork(t, 'claim', {
    worker,
    kinds: [kind],
    lease_seconds,
    wait_seconds: 5,
  });
  if (!claims[0]) throw new Error('nothing was claimed');
  return claims[0];
}

const whyOf = async (id: string) =>
  ((await (await t.request(`/api/ops/proposals/${id}/why`)).json()) as { why: { next: string } }).why.next;

test("why says who serves a kind of one's own, or that nobody does", async () => {
  const { proposalId, steps } = await propose();
  expect(await whyOf(proposalId)).toContain('opsloop itself has no such kind, so start the worker over HTTP');
  const worker = newWorkerName('vps-1');
  const one = await claimed(worker);
  expect(await whyOf(proposalId)).toContain(`Worker ${worker} works it over HTTP`);
  await withClaim(t, one, 'release', { retry_in_seconds: 0 });
  expect(await whyOf(proposalId)).toContain('1 worker(s) for "translate", over HTTP');
  expect(steps).toHaveLength(2);

  const { workers } = (await (await t.request('/api/ops/workers')).json()) as { workers: object[] };
  expect(workers).toContainEqual(
    expect.objectContaining({
      worker_id: worker,
      host: 'vps-1',
      pid: null,
      key_id: 'environment',
      kinds: { translate: 1 },
      alive: true,
    }),
  );
});

test('a step gets what the step before it produced', async () => {
  await propose();
  const first = await claimed();
  await withClaim(t, first, 'complete', { output: { text: 'translated' } });
  const second = await claimed(newWorkerName(), 'proofread');
  expect(second).toMatchObject({
    step: { position: 2 },
    prior: [{ kind: 'translate', output: { text: 'translated' } }],
  });
});

test('delayed steps become claimable although no worker runs in the server', async () => {
  const { steps } = await propose();
  const one = await claimed();
  await withClaim(t, one, 'release', { retry_in_seconds: 3_600 });
  expect(await getStep(t.database, steps[0]?.id ?? '')).toMatchObject({ ready: false, failures: 0 });
  await dueNow(t.database, steps[0]?.id ?? '');
  t.app.database.hints.tell('steps');
  expect((await claimed()).step).toMatchObject({ id: steps[0]?.id, attempt: 2 });
});

test('a claim whose lease ran out is taken back, also while its worker lives on', async () => {
  const { steps } = await propose();
  await propose();
  const worker = newWorkerName();
  const [lost, kept] = [await claimed(worker), await claimed(worker, 'translate', 60)];
  await t.database.query(
    `update ops_work_claims set renewed_at = renewed_at - interval '1 hour', lease_expires_at = lease_expires_at - interval '1 hour'
     where claim_id = $1`,
    [lost.claim_id],
  );
  // From the start of this server every lease gets one fresh period, which is 10 s here.
  const step = await stepIs(t.database, steps[0]?.id, ({ failures }) => failures === 1);
  expect(step.failure).toMatchObject({ class: 'lease_expired', message: expect.stringContaining(worker) });
  expect(await withClaim(t, lost, 'complete', { output: 1 })).toMatchObject({
    status: 409,
    code: 'claim_lost',
  });
  expect(await withClaim(t, kept, 'complete', { output: 1 })).toMatchObject({ status: 200 });
}, 60_000);

test('a worker renews all that it holds, and what it does not know of is given back', async () => {
  await propose();
  await propose();
  const worker = newWorkerName();
  const [known, unknown] = [await claimed(worker), await claimed(worker)];
  expect((await callWork(t, 'renew', { worker })).claims).toHaveLength(2);
  // Its answer may still be on its way.
  const renew = () => callWork(t, 'renew', { worker, claims: [known.claim_id] });
  expect((await renew()).claims).toMatchObject([{ claim_id: known.claim_id, abort: null }]);
  expect((await getStep(t.database, unknown.step.id)).status).toBe('running');
  await t.database.query(
    `update ops_steps set claimed_at = claimed_at - interval '11 s' where id = any ($1)`,
    [[known.step.id, unknown.step.id]],
  );
  expect((await renew()).claims).toMatchObject([{ abort: null }]);
  expect(await getStep(t.database, unknown.step.id)).toMatchObject({ status: 'queued', failures: 0 });
  expect((await getStep(t.database, known.step.id)).status).toBe('running');
  expect(await withClaim(t, unknown, 'renew')).toMatchObject({ abort: 'claim_lost' });
});

test('a worker that leaves gives back what it holds', async () => {
  const { steps } = await propose();
  const worker = newWorkerName();
  await claimed(worker);
  expect(await callWork(t, 'leave', { worker })).toMatchObject({ status: 200, released: 1 });
  expect(await getStep(t.database, steps[0]?.id ?? '')).toMatchObject({
    status: 'queued',
    ready: true,
    failures: 0,
  });
  expect(await eventsOf(t.database, worker, 'worker.stopped')).toHaveLength(1);
});

test('a worker that leaves gives back also what is being claimed for it', async () => {
  const { steps } = await propose();
  const worker = newWorkerName();
  await callWork(t, 'claim', { worker, kinds: ['other'] });
  const transaction = t.app.database.transaction.bind(t.app.database);
  let leaving: ReturnType<typeof callWork> | undefined;
  const isBlocked = async () =>
    (await t.database.query(`select from pg_stat_activity where wait_event_type = 'Lock'`)).length > 0;
  const spy = vi.spyOn(t.app.database, 'transaction').mockImplementation((work, opening) =>
    transaction(async (tx) => {
      const result = await work(tx);
      const isClaim = Array.isArray(result) && result.some((one: object) => 'claim_id' in one);
      if (!isClaim || leaving) return result;
      let hasLeft = false;
      leaving = callWork(t, 'leave', { worker }).finally(() => (hasLeft = true));
      await eventually(async () => hasLeft || (await isBlocked()));
      return result;
    }, opening),
  );
  const { claims } = await callWork(t, 'claim', { worker, kinds: ['translate'], wait_seconds: 5 });
  spy.mockRestore();
  expect(claims).toHaveLength(1);
  expect(await leaving).toMatchObject({ status: 200, released: 1 });
  expect(await getStep(t.database, steps[0]?.id ?? '')).toMatchObject({ status: 'queued', failures: 0 });
});

test('claims that are over are forgotten, and those that hold are not', async () => {
  await propose();
  await propose();
  const worker = newWorkerName();
  const [over, held] = [await claimed(worker), await claimed(worker)];
  await withClaim(t, over, 'complete', { output: 1 });
  await t.database.query(
    `update ops_work_claims set claimed_at = claimed_at - interval '2 hours', renewed_at = renewed_at - interval '2 hours',
       lease_expires_at = lease_expires_at - interval '2 hours'`,
  );

  expect(await deleteOldWorkClaims(t.database, 10_000)).toBeGreaterThan(0);
  expect(await withClaim(t, over, 'complete', { output: 1 })).toMatchObject({ status: 401 });
  expect(await withClaim(t, held, 'renew')).toMatchObject({ status: 200, abort: null });
});

test('replaying the log gives the tables, workers over HTTP included', async () => {
  await propose();
  const worker = newWorkerName();
  await claimed(worker);
  await callWork(t, 'claim', { worker, kinds: ['translate', 'proofread'], most: 3 });
  expect(await eventsOf(t.database, worker, 'worker.changed')).toHaveLength(1);
  await t.key({ scopes: ['work'], kinds: ['translate'] });
  const [stored] = await t.database.query('select kinds from ops_workers where worker_id = $1', [worker]);
  expect(stored).toEqual({ kinds: { proofread: 1, translate: 1 } });
  // Other tests set steps aside by hand.
  const wrong = (await whatIsWrong(t.database)).filter((line) => /: (worker|key) /.test(line));
  expect(wrong).toEqual([]);
});
