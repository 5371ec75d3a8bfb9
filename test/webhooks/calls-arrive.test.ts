import { beforeAll, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { approve } from '../../src/loop/decide.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { failStep } from '../../src/engine/fail.ts';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { makeSigningSecret } from '../../src/webhooks/sign.ts';
import { startCourier } from '../../src/webhooks/courier.ts';
import { claimDue, endTry } from '../../src/webhooks/delivery-queries.ts';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { storeWebhook } from '../../src/webhooks/store.ts';
import { listDeliveries, retryDelivery, webhookProblems } from '../../src/webhooks/webhooks.ts';
import { useDatabase } from '../support/database.ts';
import { startAnswering } from '../support/http-answers.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import {
  callNow,
  OPERATOR,
  callsIn,
  courierParts,
  letTimePass,
  onlyWebhook,
  sendAllDue,
  useReceiver,
} from '../support/webhooks.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database));
const pending = () => proposer(db.database)({ kind: 'deploy', title: 'Ship it' });

test('a pending proposal is called out, signed so that the library of Standard Webhooks verifies it', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  const { secret } = await onlyWebhook(parts, { url: receiver.url });
  const { proposal } = await pending();
  await callNow(parts);

  expect(receiver.asked).toHaveLength(1);
  const [{ headers, body, method } = { headers: {}, body: '', method: '' }] = receiver.asked;
  expect(method).toBe('POST');
  const verified = new Webhook(secret ?? '').verify(body, headers as Record<string, string>);
  expect(verified).toMatchObject({
    type: 'proposal.pending',
    data: {
      title: 'Waits for a decision',
      proposal: { id: proposal.id, title: 'Ship it', agent_id: 'research', kind: 'deploy' },
      view_url: `https://ops.example/proposals/${proposal.id}`,
      decide_url: null,
    },
  });
  expect(() => new Webhook(secret ?? '').verify(`${body} `, headers as Record<string, string>)).toThrow();
  expect(await callsIn(db.database)).toMatchObject([{ status: 'delivered', attempts: 1, last_status: 200 }]);
});

test('one that fails is tried again with the same id, ever more rarely, and is delivered in the end', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver({ status: 500, body: 'not now' }, { status: 503 });
  const { secret } = await onlyWebhook(parts, { url: receiver.url });
  await pending();
  await callNow(parts);
  const [first] = await callsIn(db.database);
  expect(first).toMatchObject({
    status: 'waiting',
    attempts: 1,
    last_status: 500,
    last_error: 'HTTP 500: not now',
  });
  expect(first?.waits_ms).toBeGreaterThan(1_000);

  await callNow(parts);
  expect(receiver.asked).toHaveLength(1);
  await letTimePass(db.database);
  await callNow(parts);
  expect((await callsIn(db.database))[0]?.waits_ms).toBeGreaterThan(6_000);
  await letTimePass(db.database);
  await callNow(parts);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'delivered', attempts: 3 }]);
  expect(new Set(receiver.asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  for (const { body, headers } of receiver.asked)
    new Webhook(secret ?? '').verify(body, headers as Record<string, string>);
});

test('what never arrives is given up after nine tries, is told of, and can be tried anew', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver(...Array.from({ length: 9 }, () => ({ status: 500 })));
  await onlyWebhook(parts, { url: receiver.url });
  await pending();
  for (let tries = 0; tries < 12; tries++) {
    await callNow(parts);
    await letTimePass(db.database);
  }
  expect(receiver.asked).toHaveLength(9);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'dead', attempts: 9 }]);
  expect(await webhookProblems(db.database)).toEqual([
    { name: 'phone', message: expect.stringContaining('The webhook phone gave up 1 calls in the last day') },
  ]);
  const told = await db.database.query(`select payload from ops_events where kind = 'webhook.gave_up'`);
  expect(told).toHaveLength(1);

  const page = { status: 'dead' as const, beforeId: null, limit: 10 };
  const [dead] = (await listDeliveries(db.database, 'phone', page)).deliveries;
  await retryDelivery(db.database, dead?.delivery_id ?? '');
  await callNow(parts);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
  await expect(retryDelivery(db.database, dead?.delivery_id ?? '')).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('a receiver that asks for patience gets it, and one that is gone is left alone', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver({ status: 429, headers: { 'retry-after': '3600' } });
  await onlyWebhook(parts, { url: receiver.url });
  await pending();
  await callNow(parts);
  expect((await callsIn(db.database))[0]?.waits_ms).toBeGreaterThan(3_500_000);

  const gone = await useReceiver({ status: 410 });
  await onlyWebhook(parts, { url: gone.url });
  await pending();
  await callNow(parts);
  await pending();
  await callNow(parts);
  expect(gone.asked).toHaveLength(1);
  const [row] = await db.database.query<{ paused: boolean; last_error: string }>(
    'select paused, last_error from ops_webhooks',
  );
  expect(row).toMatchObject({ paused: true, last_error: expect.stringContaining('410') });
  expect(await webhookProblems(db.database)).toEqual([
    {
      name: 'phone',
      message: expect.stringContaining('calls nobody any more: the receiver says that it is gone'),
    },
  ]);
});

test('a receiver that is gone is called no more, although more calls are due', async () => {
  const parts = courierParts(db.database);
  const gone = await useReceiver(...Array.from({ length: 9 }, () => ({ status: 410 })));
  await onlyWebhook(parts, { url: gone.url });
  for (let n = 0; n < 9; n++) await pending();
  await callNow(parts);
  expect(gone.asked.length).toBeLessThanOrEqual(4);
  const waiting = (await callsIn(db.database)).filter(({ status }) => status === 'waiting');
  expect(waiting.length).toBeGreaterThanOrEqual(5);
});

test('what a webhook was changed to counts for the calls that are due already', async () => {
  const parts = courierParts(db.database);
  const next = await useReceiver();
  const first = await startAnswering(async ({ body }) => {
    if (first.asked.length === 1) await storeWebhook(parts, elsewhere, OPERATOR);
    return { status: body === '' ? 500 : 200 };
  });
  const elsewhere = WebhookInput.parse({ name: 'phone', url: next.url, topics: ['proposal'] });
  await onlyWebhook(parts, { url: first.url });
  for (let n = 0; n < 9; n++) await pending();
  await callNow(parts);
  await sendAllDue(parts);
  expect(first.asked.length).toBeLessThanOrEqual(4);
  expect(first.asked.length + next.asked.length).toBe(9);
  await first[Symbol.asyncDispose]();
});

test('a failed call is tried again when it is due, while the courier runs', async () => {
  const parts = courierParts(db.database);
  const times: number[] = [];
  await using receiver = await startAnswering(() => ({
    status: times.push(performance.now()) === 1 ? 500 : 200,
  }));
  await onlyWebhook(parts, { url: receiver.url });
  await pending();
  await sealAll(db.database);
  const courier = startCourier({ ...parts, allow: ['127.0.0.1'] });
  await expect.poll(() => times.length, { timeout: 10_000 }).toBe(2);
  await courier.close();
  // 2 s and up to a fifth more, and the rest between two rounds; without looking at what is due it would be 4 s or more.
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(3_700);
});

test('what a receiver repeats of secrets and of links that decide is kept nowhere', async () => {
  const secret = 'T024FZ/B0123456/uKVsecretsecret';
  const parts = courierParts(db.database, { OPSLOOP_SECRET_CHAT: secret });
  const echo = await startAnswering(({ path: asked, body }) => ({
    status: 410,
    body: `The requested URL ${asked} was not found; you said ${(JSON.parse(body) as { text: string }).text} ${/opd_[\w-]+/.exec(body)?.[0]}`,
  }));
  await onlyWebhook(parts, { url: `${echo.url}/services/{secret:chat}`, template: 'slack', links: true });
  await pending();
  await callNow(parts);
  await sealAll(db.database);
  expect(echo.asked).toHaveLength(1);
  const link = /opd_[\w-]+/.exec(echo.asked[0]?.body ?? '')?.[0] ?? '';
  expect(link).not.toBe('');
  const rows = await db.database.query(
    `select to_jsonb(w) as w, to_jsonb(d) as d, (select jsonb_agg(payload) from ops_events) as e from ops_webhooks w, ops_deliveries d`,
  );
  const kept = JSON.stringify(rows);
  expect(kept).toContain('[secret] was not found');
  for (const hidden of [secret, 'uKVsecretsecret', link, link.slice(0, 20)])
    expect(kept).not.toContain(hidden);
  await echo[Symbol.asyncDispose]();
});

test('an option can be a secret, too', async () => {
  const parts = courierParts(db.database, { OPSLOOP_SECRET_TOPIC: 'nobody-guesses-it' });
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url, template: 'ntfy', options: { topic: '{secret:topic}' } });
  await pending();
  await callNow(courierParts(db.database));
  expect(receiver.asked).toEqual([]);
  await callNow(parts);
  expect(JSON.parse(receiver.asked[0]?.body ?? '')).toMatchObject({ topic: 'nobody-guesses-it' });
});

test.each([
  ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'it redirects (HTTP 302)'],
  ['is not there', null, 'it cannot be reached (ECONNREFUSED)'],
])('a receiver that %s has not been called', async (_, answer, error) => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver(...(answer ? [answer] : []));
  await onlyWebhook(parts, { url: answer ? receiver.url : 'http://127.0.0.1:2/' });
  await pending();
  await callNow(parts);
  expect(await callsIn(db.database)).toMatchObject([
    { status: 'waiting', last_error: expect.stringContaining(error) },
  ]);
});

test('a receiver that never answers costs a second, and no other is held up', async () => {
  const parts = courierParts(db.database);
  let letGo = () => {};
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using slow = await startAnswering(async () => {
    await hanging;
    return {};
  });
  await onlyWebhook(parts, { url: slow.url });
  await pending();
  await callNow(parts);
  expect(await callsIn(db.database)).toMatchObject([{ last_error: 'it did not answer in time' }]);
  letGo();
});

test('one that hangs holds up no other, while the courier runs', async () => {
  const parts = courierParts(db.database);
  let letGo = () => {};
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using slow = await startAnswering(async () => {
    await hanging;
    return {};
  });
  const quick = await useReceiver();
  await onlyWebhook(parts, { url: slow.url });
  const other = WebhookInput.parse({ name: 'quick', url: quick.url, topics: ['proposal'] });
  await storeWebhook(parts, other, OPERATOR);
  for (let n = 0; n < 10; n++) await pending();
  await sealAll(db.database);
  const courier = startCourier({ ...parts, allow: ['127.0.0.1'] });
  await expect.poll(() => quick.asked.length, { timeout: 5_000 }).toBe(10);
  letGo();
  await courier.close();
});

test('a call that is under way when we stop comes to its end', async () => {
  const parts = courierParts(db.database);
  let closing: Promise<void> | undefined;
  await using receiver = await startAnswering(() => {
    closing = courier.close();
    return new Promise((resolve) => void setTimeout(() => resolve({ status: 200 }), 300));
  });
  await onlyWebhook(parts, { url: receiver.url });
  await pending();
  await sealAll(db.database);
  const courier = startCourier({ ...parts, allow: ['127.0.0.1'] });
  await expect.poll(() => closing !== undefined, { timeout: 5_000 }).toBe(true);
  await closing;
  expect(await callsIn(db.database)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
});

test('a missing secret is named, and the call waits for a machine that has it', async () => {
  const receiver = await useReceiver();
  const without = courierParts(db.database);
  await onlyWebhook(without, { url: `${receiver.url}/{secret:path}` });
  await pending();
  await callNow(without);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'waiting', attempts: 0 }]);
  await db.database.query(`update ops_deliveries set created_at = created_at - interval '11 min'`);
  expect(await webhookProblems(db.database)).toEqual([
    { name: 'phone', message: expect.stringContaining('is a secret missing?') },
  ]);

  const whsec = makeSigningSecret();
  await callNow(courierParts(db.database, { OPSLOOP_SECRET_PATH: 'T0/B0' }));
  expect(receiver.asked).toEqual([]);
  await callNow(
    courierParts(db.database, { OPSLOOP_SECRET_PATH: 'T0/B0', OPSLOOP_SECRET_WEBHOOK_PHONE: whsec }),
  );
  expect(receiver.asked[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  expect(receiver.asked.map(({ path }) => path)).toEqual(['/T0/B0']);
  const rows = await db.database.query(`select * from ops_webhooks, ops_deliveries`);
  expect(JSON.stringify(rows)).not.toContain('T0/B0');
});

test('what was decided meanwhile is not called out any more', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url });
  const { proposal } = await pending();
  await approve(db.database, proposal.id, { by: 'key:a' });
  await callNow(parts);
  expect(receiver.asked).toEqual([]);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'skipped' }]);
});

test('a mission that failed is called out, and one that was cancelled is not', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url });
  const worker = await testWorker(db.database);
  const failed = await proposer(db.database)({ agentId: 'qa', title: 'Doomed' });
  const claim = await worker.claimOne();
  await db.database.transaction((tx) =>
    failStep(tx, { ...claim, failure: { class: 'error', message: 'It broke.' }, final: true, retryInMs: 0 }),
  );
  const cancelled = await proposer(db.database)();
  await cancelMission(db.database, cancelled.mission?.mission.id ?? '', { by: 'key:a' });
  await callNow(parts);
  expect(receiver.asked).toHaveLength(1);
  expect(JSON.parse(receiver.asked[0]?.body ?? '')).toMatchObject({
    type: 'mission.failed',
    data: {
      text: expect.stringMatching(/qa, analysis: Doomed\n.*It broke\./s),
      mission_id: failed.mission?.mission.id,
    },
  });
});

test('a webhook hears of its topics and agents alone, of nothing before it was made, and of nothing while it is paused', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  await pending();
  await sealAll(db.database);
  await onlyWebhook(parts, { url: receiver.url, agents: ['qa'], topics: ['proposal.pending'] });
  await proposer(db.database)({ kind: 'deploy', agentId: 'qa', title: 'Mine' });
  await proposer(db.database)({ kind: 'deploy', agentId: 'coder' });
  await callNow(parts);
  expect(receiver.asked.map(({ body }) => JSON.parse(body).data.proposal.title)).toEqual(['Mine']);

  await onlyWebhook(parts, { url: receiver.url, paused: true });
  await pending();
  await callNow(parts);
  expect(await callsIn(db.database)).toEqual([]);
});

test('however many processes collect and send, each event is called out once to each webhook', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url });
  const propose = proposer(db.database);
  const made = await Promise.all(Array.from({ length: 40 }, () => propose({ kind: 'deploy' })));
  await sealAll(db.database);
  const others = Array.from({ length: 3 }, () => ({ ...parts, database: db.open() }));
  await Promise.all(
    others.map(async (each) => {
      for (let round = 0; round < 20; round++) {
        await collectOnce(each.database);
        await sendAllDue(each);
      }
    }),
  );
  await callNow(parts);
  const told = receiver.asked.map(({ body }) => JSON.parse(body).data.proposal.id as string);
  expect(told.toSorted()).toEqual(made.map(({ proposal }) => proposal.id).toSorted());
});

test('a call whose sender died is sent by another one, and the dead one writes nothing any more', async () => {
  const parts = courierParts(db.database);
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url });
  await pending();
  await sealAll(db.database);
  while (await collectOnce(db.database));
  const [webhook] = await db.database.query<{ webhook_id: string }>('select webhook_id from ops_webhooks');
  const [taken] = await claimDue(db.database, webhook?.webhook_id ?? '', 1, 60);
  expect(await sendAllDue(parts)).toBe(0);
  await db.database.query(`update ops_deliveries set claimed_until = clock_timestamp() - interval '1 s'`);
  await callNow(parts);
  expect(receiver.asked).toHaveLength(1);
  const late = { status: 'waiting', retryInMs: 0, httpStatus: null, error: 'late' } as const;
  expect(
    await endTry(
      db.database,
      { delivery_id: taken?.delivery_id ?? '', claim_id: taken?.claim_id ?? '' },
      late,
    ),
  ).toBe(false);
  expect(await callsIn(db.database)).toMatchObject([{ status: 'delivered' }]);
});
