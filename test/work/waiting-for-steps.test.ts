import { Agent, request } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { revokeKey } from '../../src/keys/keys.ts';
import { getStep } from '../../src/steps/steps.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { callWork, newWorkerName } from '../support/work.ts';
import { clearQueue, eventsOf, stepIs } from '../support/worker.ts';

const t = useApp();
beforeEach(async () => {
  await openPolicy(t.database);
  await clearQueue(t.database);
});
afterEach(() => vi.restoreAllMocks());

const propose = async () => {
  const admitted = await proposer(t.database)();
  t.app.database.hints.tell('steps');
  return admitted.mission?.steps[0]?.id ?? '';
};

const ask = (more: object = {}) => ({
  worker: newWorkerName(),
  kinds: ['analyze'],
  wait_seconds: 30,
  ...more,
});

/** A client over a real socket, which can go away. */
function client(port: number, body: object, agent?: Agent) {
  const sent = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/ops/work/claim',
    agent: agent ?? false,
    headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
  });
  const answered = new Promise<{ claims: { step: { id: string } }[] }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text) as never));
    });
  });
  sent.end(JSON.stringify(body));
  return { answered, goAway: () => sent.destroy() };
}

const waiting = (count: number) => eventually(async () => t.app.work.waiting() === count);

/** Does something when the next claim is written and not yet answered, whatever else the app writes meanwhile. */
async function onceClaimed(happens: () => Promise<void>): Promise<void> {
  const transaction = t.app.database.transaction.bind(t.app.database);
  const running = async () =>
    (await t.database.query(`select from ops_steps where status = 'running'`)).length;
  const before = await running();
  let happened: Promise<void> | undefined;
  vi.spyOn(t.app.database, 'transaction').mockImplementation(async (work, opening) => {
    const result = await transaction(work, opening);
    if (happened || (await running()) > before) await (happened ??= happens());
    return result;
  });
}

test('whoever waits gets a step when there is one, and nothing when the time is over', async () => {
  const answer = callWork(t, 'claim', ask());
  await waiting(1);
  const stepId = await propose();
  expect((await answer).claims.map(({ step }) => step.id)).toEqual([stepId]);
  expect((await callWork(t, 'claim', ask({ wait_seconds: 0.2 }))).claims).toEqual([]);
});

test('of those who wait each step goes to one, and the others wait on', async () => {
  const answers = [callWork(t, 'claim', ask()), callWork(t, 'claim', ask())];
  await waiting(2);
  const first = await propose();
  expect((await Promise.race(answers)).claims.map(({ step }) => step.id)).toEqual([first]);
  expect(t.app.work.waiting()).toBe(1);
  const second = await propose();
  const given = (await Promise.all(answers)).flatMap(({ claims }) => claims.map(({ step }) => step.id));
  expect(given.toSorted()).toEqual([first, second].toSorted());
});

test('whoever comes while others are served is looked for, too, although it does not wait', async () => {
  const other = await propose();
  await t.database.query(`update ops_steps set kind = 'other' where id = $1`, [other]);
  const stepId = await propose();
  let second: ReturnType<typeof callWork> | undefined;
  await onceClaimed(async () => {
    second = callWork(t, 'claim', ask({ wait_seconds: 0, kinds: ['other'] }));
    await waiting(2);
  });
  const first = await callWork(t, 'claim', ask({ wait_seconds: 0 }));
  expect(first.claims.map(({ step }) => step.id)).toEqual([stepId]);
  expect((await second)?.claims.map(({ step }) => step.id)).toEqual([other]);
});

test('a key that is revoked while it waits claims nothing', async () => {
  const key = await t.key({ scopes: ['work'] });
  const answer = callWork(t, 'claim', ask(), { key });
  await waiting(1);
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  const stepId = await propose();
  expect(await answer).toMatchObject({ status: 401, detail: expect.stringContaining('while it waited') });
  expect(await getStep(t.database, stepId)).toMatchObject({ status: 'queued', ready: true, attempt: 0 });
});

test('a client that goes away waits no more, and gets nothing', async () => {
  const { port } = await t.serve();
  const gone = client(port, ask());
  await waiting(1);
  gone.goAway();
  await expect(gone.answered).rejects.toThrow();
  await waiting(0);
  const stepId = await propose();
  expect((await callWork(t, 'claim', ask())).claims.map(({ step }) => step.id)).toEqual([stepId]);
});

test('what was claimed for a client that vanished meanwhile is given back at once', async () => {
  const { port } = await t.serve();
  const vanishing = client(port, ask());
  await waiting(1);
  await onceClaimed(async () => {
    vanishing.goAway();
    await waiting(0);
  });
  const stepId = await propose();
  await expect(vanishing.answered).rejects.toThrow();
  const step = await stepIs(
    t.database,
    stepId,
    ({ status, attempt }) => status === 'queued' && attempt === 1,
  );
  expect(step).toMatchObject({ ready: true, failures: 0 });
  expect(await eventsOf(t.database, stepId, 'step.released')).toMatchObject([
    { payload: { cause: { reason: 'client_gone' } } },
  ]);
});

test('500 who wait hold no connection and ask the database no more than one does', async () => {
  const { port } = await t.serve();
  const agent = new Agent({ maxSockets: 600 });
  const clients = Array.from({ length: 500 }, () => client(port, ask(), agent));
  for (const one of clients) one.answered.catch(() => undefined);
  await waiting(500);
  const { database } = t.app;
  await eventually(async () => database.load().open === database.load().idle);
  const query = vi.spyOn(database, 'query');
  const looked = () => query.mock.calls.filter(([text]) => /ops_steps/.test(text)).length;
  // Polls come by themselves, about one a second.
  await eventually(async () => looked() >= 3);
  expect(query.mock.calls.filter(([text]) => /ops_workers/.test(text))).toEqual([]);
  expect(looked()).toBeLessThan(10);
  query.mockRestore();
  expect(database.load().waiting).toBe(0);

  const stepId = await propose();
  expect((await Promise.race(clients.map((one) => one.answered))).claims[0]?.step.id).toBe(stepId);
  await waiting(499);
  for (const one of clients) one.goAway();
  await waiting(0);
});

test('whoever waits is answered when the server stops', async () => {
  const server = await t.serve();
  const { answered } = client(server.port, ask());
  await waiting(1);
  const began = performance.now();
  await server.close();
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(await answered).toEqual({ claims: [] });
});

test('what is given to several kinds starves none of them', async () => {
  await openPolicy(t.database, ['analysis', 'content']);
  const propose2 = proposer(t.database);
  for (let n = 0; n < 6; n++) await propose2();
  await t.database.query(
    `update ops_steps set kind = 'other' where id in (select id from ops_steps where ready order by id limit 3)`,
  );
  const kinds: string[] = [];
  for (let n = 0; n < 4; n++) {
    const { claims } = await callWork(t, 'claim', ask({ kinds: ['analyze', 'other'], most: 1 }));
    kinds.push(...claims.map(({ step }) => step.kind));
  }
  expect(kinds.toSorted()).toEqual(['analyze', 'analyze', 'other', 'other']);
});

test("an agent's key waits 20 times at once, so that others have connections", async () => {
  const key = await t.key({ scopes: ['work'], agent_id: 'coder' });
  const polls = Array.from({ length: 20 }, () => callWork(t, 'claim', ask({ wait_seconds: 1 }), { key }));
  await waiting(20);
  expect(await callWork(t, 'claim', ask(), { key })).toMatchObject({
    status: 429,
    code: 'rate_limited',
    detail: expect.stringContaining('20 times at once'),
  });
  for (const { status } of await Promise.all(polls)) expect(status).toBe(200);
  expect(await callWork(t, 'claim', ask({ wait_seconds: 0 }), { key })).toMatchObject({ status: 200 });
});

test('an answer holds some megabytes, and what is over goes back without having spent anything', async () => {
  const body = 'x'.repeat(262_000);
  const many = await Promise.all(Array.from({ length: 45 }, () => proposer(t.database)({ body })));
  const { claims } = await callWork(t, 'claim', ask({ most: 100 }));
  expect(claims.length).toBeGreaterThan(30);
  expect(claims.length).toBeLessThan(45);
  const given = new Set(claims.map(({ step }) => step.id));
  const left = many.map(({ mission }) => mission?.steps[0]?.id ?? '').filter((id) => !given.has(id));
  for (const id of left)
    expect(await getStep(t.database, id)).toMatchObject({ status: 'queued', ready: true, failures: 0 });
});
