import { beforeAll, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { startCourier } from '../../src/webhooks/courier.ts';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { storeWebhook } from '../../src/webhooks/store.ts';
import { listDeliveries, retryDelivery, webhookProblems } from '../../src/webhooks/webhooks.ts';
import { useDatabase } from '../support/database.ts';
import { startAnswering } from '../support/http-answers.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';
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

test('a receiver that never answers costs a second, and no other is held up', async () => {
  const parts = courierParts(db.database);
  await using slow = await startHanging();
  await onlyWebhook(parts, { url: slow.url });
  await pending();
  await callNow(parts);
  expect(await callsIn(db.database)).toMatchObject([{ last_error: 'it did not answer in time' }]);
  slow.letGo();
});

test('one that hangs holds up no other, while the courier runs', async () => {
  const parts = courierParts(db.database);
  await using slow = await startHanging();
  const quick = await useReceiver();
  await onlyWebhook(parts, { url: slow.url });
  const other = WebhookInput.parse({ name: 'quick', url: quick.url, topics: ['proposal'] });
  await storeWebhook(parts, other, OPERATOR);
  for (let n = 0; n < 10; n++) await pending();
  await sealAll(db.database);
  const courier = startCourier({ ...parts, allow: ['127.0.0.1'] });
  await expect.poll(() => quick.asked.length, { timeout: 5_000 }).toBe(10);
  slow.letGo();
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

async function startHanging() {
  let letGo = () => {};
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const server = await startAnswering(async () => {
    await hanging;
    return {};
  });
  return { ...server, letGo };
}
