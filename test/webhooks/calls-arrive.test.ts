import { beforeAll, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { approve } from '../../src/loop/decide.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { failStep } from '../../src/engine/fail.ts';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { makeSigningSecret } from '../../src/webhooks/sign.ts';
import { claimDue, endTry } from '../../src/webhooks/delivery-queries.ts';
import { webhookProblems } from '../../src/webhooks/webhooks.ts';
import { useDatabase } from '../support/database.ts';
import { startAnswering } from '../support/http-answers.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { callNow, callsIn, courierParts, onlyWebhook, sendAllDue, useReceiver } from '../support/webhooks.ts';

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
