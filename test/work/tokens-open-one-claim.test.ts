import { beforeEach, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { buildHttp } from '../../src/http/app.ts';
import { revokeKey } from '../../src/keys/keys.ts';
import { silentLog } from '../../src/log.ts';
import { getStep } from '../../src/steps/steps.ts';
import { testConfig, toRequest, useApp } from '../support/app.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { callWork, newWorkerName, withClaim } from '../support/work.ts';
import { callsOf, clearQueue, eventsOf } from '../support/worker.ts';

const t = useApp();
beforeEach(async () => {
  await openPolicy(t.database);
  await clearQueue(t.database);
});

async function claimed(count: number, key?: string) {
  for (let n = 0; n < count; n++) await proposer(t.database)({ title: `t${n}`, body: `b${n}` });
  const ask = { worker: newWorkerName(), kinds: ['analyze'], most: count };
  const answer = await callWork(t, 'claim', ask, key === undefined ? {} : { key });
  expect(answer).toMatchObject({ status: 200 });
  return answer.claims as [(typeof answer.claims)[0], (typeof answer.claims)[0]];
}

test('a claim has all that is needed to work the step', async () => {
  const [claim] = await claimed(1);
  expect(claim).toMatchObject({
    renew_every_seconds: 10,
    step: { kind: 'analyze', title: 'analyze: t0', agent_id: 'research', attempt: 1, position: 1 },
    proposal: { kind: 'analysis', title: 't0', body: 'b0' },
    agent: { agent_id: 'research' },
    prior: [],
  });
  expect(claim.token).toMatch(/^opw_[0-9a-f]{32}_[\w-]{43}$/);
  const [lease] = await t.database.query<{ seconds: number }>(
    `select extract(epoch from lease_expires_at - claimed_at)::float8 as seconds from ops_work_claims where claim_id = $1`,
    [claim.claim_id],
  );
  expect(lease?.seconds).toBeCloseTo(30, 0);
});

test('its token opens that claim and nothing else, and no key opens a claim', async () => {
  const [claim, other] = await claimed(2);
  expect(await withClaim(t, { ...other, token: claim.token }, 'renew')).toMatchObject({
    status: 403,
    detail: expect.stringContaining(`opens the claim ${claim.claim_id} and no other`),
  });
  expect(await callWork(t, `claims/${claim.claim_id}/complete`, { output: 1 })).toMatchObject({
    status: 403,
    detail: expect.stringContaining('needs the token of the claim'),
  });
  for (const [method, path] of [
    ['GET', '/api/ops/steps'],
    ['GET', `/api/ops/steps/${claim.step.id}`],
    ['POST', '/api/ops/session'],
    ['POST', '/api/ops/work/claim'],
    ['GET', '/nowhere'],
  ] as const) {
    const response = await t.request(path, { method, key: claim.token });
    expect([path, response.status]).toEqual([path, 403]);
  }
  expect(await withClaim(t, { ...claim, token: `${claim.token.slice(0, -1)}~` }, 'renew')).toMatchObject({
    status: 401,
  });
  const wrong = `${claim.token.slice(0, -4)}${claim.token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
  expect(await withClaim(t, { ...claim, token: wrong }, 'renew')).toMatchObject({ status: 401 });
  expect(await withClaim(t, claim, 'complete', { output: 'mine' })).toMatchObject({ ended_as: 'completed' });
});

test('a token ends with its key', async () => {
  const key = await t.key({ scopes: ['work'] });
  const [claim] = await claimed(1, key);
  expect(await withClaim(t, claim, 'renew')).toMatchObject({ status: 200, abort: null });
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  expect(await withClaim(t, claim, 'complete', { output: 1 })).toMatchObject({ status: 401 });
  expect((await getStep(t.database, claim.step.id)).status).toBe('running');
});

test("a token of the environment's key ends when there is another key in its place", async () => {
  const [claim] = await claimed(1);
  const config = testConfig({ OPSLOOP_API_KEY: 'quite-another-operators-key-0123456789' });
  const parts = { worker: false, keeper: false, heartbeat: false, files: false };
  const other = createApp({ config, databaseUrl: t.url, log: silentLog(), parts });
  await other.ready;
  const path = `/api/ops/work/claims/${claim.claim_id}/renew`;
  const response = await buildHttp(other).request(...toRequest(path, { method: 'POST', key: claim.token }));
  await other.stop();
  expect(response.status).toBe(401);
  expect(await withClaim(t, claim, 'renew')).toMatchObject({ status: 200 });
});

test('every end can be sent again and says the same, and another one says that the claim is lost', async () => {
  const ends = [
    ['complete', { output: 1 }, { ended_as: 'completed' }],
    ['fail', { message: 'no' }, { ended_as: 'failed', final: false }],
    ['fail', { message: 'never', final: true }, { ended_as: 'failed', final: true }],
    ['release', { retry_in_seconds: 60, reason: 'no_model' }, { ended_as: 'released' }],
  ] as const;
  for (const [verb, body, said] of ends) {
    const [claim] = await claimed(1);
    expect(await withClaim(t, claim, verb, body)).toMatchObject({ status: 200, ...said });
    const events = await eventsOf(t.database, claim.step.id);
    expect(await withClaim(t, claim, verb, body)).toMatchObject({ status: 200, ...said });
    expect(await eventsOf(t.database, claim.step.id)).toEqual(events);
    const other = verb === 'release' ? 'fail' : 'release';
    const lost = { status: 409, code: 'claim_lost' };
    expect(await withClaim(t, claim, other, { message: 'x' })).toMatchObject(lost);
    expect(await withClaim(t, claim, 'renew')).toMatchObject({ abort: 'claim_lost', lease_expires_at: null });
  }
});

test('a late result that is sent again and again leaves one piece of evidence', async () => {
  const [claim] = await claimed(1);
  await withClaim(t, claim, 'release');
  for (let n = 0; n < 3; n++)
    expect(await withClaim(t, claim, 'complete', { output: 'late' })).toMatchObject({
      status: 409,
      code: 'claim_lost',
    });
  expect(await eventsOf(t.database, claim.step.id, 'step.late_result')).toMatchObject([
    { payload: { claim_id: claim.claim_id, cause: { reason: 'claim lost' } } },
  ]);
});

test('what is told of model calls is made harmless', async () => {
  const [claim] = await claimed(1);
  const usage = [{ model: 'a\0b\ud800', provider: null, input_tokens: 1e300, duration_ms: 1e300 }];
  expect(await withClaim(t, claim, 'complete', { output: 1, usage })).toMatchObject({ status: 200 });
  expect(await callsOf(t.database, claim.step.id)).toMatchObject([
    { model: 'a\ufffdb\ufffd', input_tokens: null },
  ]);
});

test('readers are not shown the ids of claims', async () => {
  const [claim] = await claimed(1);
  const paths = [
    '/api/ops/steps?status=running',
    `/api/ops/steps/${claim.step.id}`,
    `/api/ops/proposals/${claim.proposal?.id}`,
  ];
  for (const path of paths) {
    const text = await (await t.request(path)).text();
    expect(text).toContain(claim.step.id);
    expect(text).not.toContain(claim.claim_id);
    expect(text).not.toContain('claim_id');
  }
});
