import { beforeEach, expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import { problemOf, useApp } from '../support/app.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { callWork, newWorkerName, withClaim } from '../support/work.ts';
import { clearQueue, stepIs } from '../support/worker.ts';

const t = useApp();
beforeEach(async () => {
  await openPolicy(t.database, ['analysis', 'own', 'judged', 'goals']);
  const plans = { analysis: ['analyze'], own: ['translate'], judged: ['review'], goals: ['plan'] };
  await setPolicy(t.database, 'plans', plans, 'test');
  await clearQueue(t.database);
});

const claim = (kinds: string[], key?: string, worker = newWorkerName()) =>
  callWork(t, 'claim', { worker, kinds, most: 10 }, key === undefined ? {} : { key });

test('a key that is limited to kinds claims no others', async () => {
  const key = await t.key({ scopes: ['work'], kinds: ['translate', 'proofread'] });
  await proposer(t.database)({ kind: 'own' });
  expect(await claim(['translate', 'analyze'], key)).toMatchObject({
    status: 403,
    code: 'forbidden',
    detail: expect.stringContaining('may claim steps of kind translate, proofread, and not of analyze'),
    allowed: ['translate', 'proofread'],
  });
  expect((await claim(['translate'], key)).claims).toHaveLength(1);
  const listed = (await (await t.request('/api/ops/keys')).json()) as { keys: { kinds: string[] | null }[] };
  expect(listed.keys.map(({ kinds }) => kinds)).toContainEqual(['translate', 'proofread']);
});

test('kinds are for keys that work', async () => {
  const json = { name: 'k', scopes: ['read'], kinds: ['translate'] };
  const response = await t.request('/api/ops/keys', { method: 'POST', json });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).detail).toContain('Only a key with the scope work');
});

test('what ends with more than an output is not given out', async () => {
  for (const kind of ['publish', 'exec'])
    expect(await claim(['translate', kind])).toMatchObject({
      status: 403,
      detail: expect.stringContaining(`Steps of kind ${kind} are worked by opsloop itself`),
    });
});

test("an agent's key claims its agent's steps alone, and judges none", async () => {
  const key = await t.key({ scopes: ['work'], agent_id: 'coder' });
  for (const agentId of ['pm', 'coder', 'qa']) await proposer(t.database)({ kind: 'own', agentId });
  const { claims } = await claim(['translate'], key);
  expect(claims.map(({ step }) => step.agent_id)).toEqual(['coder']);
  expect((await claim(['translate'], key)).claims).toEqual([]);
  expect(await claim(['review'], key)).toMatchObject({
    status: 403,
    detail: expect.stringContaining('decide over what agents want'),
  });
  expect((await claim(['translate'])).claims).toHaveLength(2);
});

test('a name belongs to the key that used it first', async () => {
  const worker = newWorkerName();
  const [mine, other] = [await t.key({ scopes: ['work'] }), await t.key({ scopes: ['work'] })];
  expect(await claim(['translate'], mine, worker)).toMatchObject({ status: 200 });
  for (const [path, more] of [
    ['claim', { kinds: ['translate'] }],
    ['renew', {}],
    ['leave', {}],
  ] as const)
    expect(await callWork(t, path, { worker, ...more }, { key: other })).toMatchObject({
      status: 409,
      code: 'conflict',
    });
  expect(await callWork(t, 'renew', { worker: newWorkerName() }, { key: mine })).toMatchObject({
    status: 404,
  });
  expect(await callWork(t, 'claim', { worker: 'no-uuid', kinds: ['a'] }, { key: mine })).toMatchObject({
    status: 400,
    detail: expect.stringContaining('draw the uuid at each start'),
  });
});

test('a worker that has ended goes on under another name', async () => {
  const worker = newWorkerName();
  await claim(['translate'], undefined, worker);
  expect(await callWork(t, 'leave', { worker })).toMatchObject({ status: 200, released: 0 });
  expect(await claim(['translate'], undefined, worker)).toMatchObject({ status: 409, code: 'worker_ended' });
});

test('a review from elsewhere must be a verdict, and a negative one fails the mission', async () => {
  await proposer(t.database)({ kind: 'judged' });
  const [one] = (await claim(['review'])).claims;
  if (!one) throw new Error('nothing was claimed');
  expect(await withClaim(t, one, 'complete', { output: { text: 'fine' } })).toMatchObject({
    status: 400,
    detail: expect.stringContaining('"verdict": "approve" or "reject"'),
  });
  const output = { verdict: 'reject', reason: 'It is not true.', problems: [] };
  for (let sent = 0; sent < 2; sent++)
    expect(await withClaim(t, one, 'complete', { output })).toMatchObject({
      status: 200,
      ended_as: 'failed',
      final: true,
    });
  expect(await stepIs(t.database, one.step.id, ({ status }) => status === 'failed')).toMatchObject({
    failure: { class: 'rejected_by_review' },
    output,
  });
});

test('a plan from elsewhere must be one', async () => {
  await proposer(t.database)({ kind: 'goals' });
  const [one] = (await claim(['plan'])).claims;
  if (!one) throw new Error('nothing was claimed');
  expect(await withClaim(t, one, 'complete', { output: { text: 'do it' } })).toMatchObject({ status: 400 });
  const plan = { tasks: [{ title: 'a', prompt: 'do a' }] };
  expect(await withClaim(t, one, 'complete', { output: { text: '# a', plan } })).toMatchObject({
    status: 200,
  });
});

test('who has reached a token cap waits, and what was used elsewhere counts', async () => {
  const propose = () => proposer(t.database)({ kind: 'own', agentId: 'pm' });
  await propose();
  const [one] = (await claim(['translate'])).claims;
  if (!one) throw new Error('nothing was claimed');
  const usage = [{ model: 'm', input_tokens: 600, output_tokens: 400 }];
  expect(await withClaim(t, one, 'complete', { output: 1, usage })).toMatchObject({ status: 200 });
  await propose();
  await setPolicy(t.database, 'token_caps', { per_agent: 1_000, total: 1_000_000 }, 'test');
  expect((await claim(['translate'])).claims).toEqual([]);
  const page = (await (await t.request('/api/ops/steps?status=queued&kind=translate')).json()) as {
    steps: { id: string }[];
  };
  const why = await (await t.request(`/api/ops/steps/${page.steps[0]?.id}/why`)).json();
  expect(why).toMatchObject({ why: { next: expect.stringContaining("Agent pm's token cap is reached") } });
  await setPolicy(t.database, 'token_caps', { per_agent: 1_001, total: 1_000_000 }, 'test');
  expect((await claim(['translate'])).claims).toHaveLength(1);
});
