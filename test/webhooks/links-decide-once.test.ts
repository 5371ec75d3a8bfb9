import { expect, test } from 'vitest';
import { revokeKey } from '../../src/keys/keys.ts';
import { proposer } from '../support/loop.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { callNow, courierParts, onlyWebhook, useReceiver } from '../support/webhooks.ts';

const t = useApp({ http: { failedKeysPerMinute: 1_000 } });

/** Proposes something and takes the link out of the call about it. */
async function linkTo(title: string): Promise<{ id: string; secret: string }> {
  const parts = courierParts(t.database);
  const receiver = await useReceiver();
  await onlyWebhook(parts, { url: receiver.url, links: true });
  const { proposal } = await proposer(t.database)({ kind: 'deploy', title });
  await callNow(parts);
  const url = JSON.parse(receiver.asked.at(-1)?.body ?? '').data.decide_url as string;
  expect(url).toMatch(/^https:\/\/ops\.example\/decide#opd_/);
  return { id: proposal.id, secret: url.split('#')[1] ?? '' };
}

const look = (secret: string) => t.request('/api/ops/decision', { key: secret });
const decide = (secret: string, decision: string) =>
  t.request('/api/ops/decision', {
    method: 'POST',
    key: secret,
    json: { decision, reason: 'from the phone' },
  });
const statusOf = async (id: string) => {
  const answer = await t.request(`/api/ops/proposals/${id}`);
  return ((await answer.json()) as { proposal: { status: string; decision: { by: string; reason: string } } })
    .proposal;
};

test('a link shows the proposal and decides nothing by being looked at', async () => {
  const { id, secret } = await linkTo('Ship it');
  for (let looks = 0; looks < 3; looks++) {
    const answer = await look(secret);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      proposal: { id, title: 'Ship it', status: 'pending', agent_id: 'research' },
      webhook: 'phone',
    });
  }
  expect((await statusOf(id)).status).toBe('pending');
});

test('it approves once, as the key that made the webhook, and says how', async () => {
  const { id, secret } = await linkTo('Ship it too');
  expect((await decide(secret, 'approve')).status).toBe(200);
  expect(await statusOf(id)).toMatchObject({
    status: 'approved',
    decision: { by: 'key:environment', reason: 'from the phone (by a link of the webhook phone)' },
  });
  expect((await decide(secret, 'reject')).status).toBe(401);
  expect((await look(secret)).status).toBe(401);
});

test('of 20 presses at once, one decides', async () => {
  const { secret } = await linkTo('Ship it at once');
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => decide(secret, n % 2 === 0 ? 'approve' : 'reject')),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.every((status) => [200, 401, 409].includes(status))).toBe(true);
});

test('what somebody else has decided stays so, and the link is not used up by it', async () => {
  const { id, secret } = await linkTo('Decided elsewhere');
  await t.request(`/api/ops/proposals/${id}/reject`, { method: 'POST', json: {} });
  const answer = await decide(secret, 'approve');
  expect(answer.status).toBe(409);
  expect((await problemOf(answer)).error).toContain('This proposal is rejected');
  expect(await (await look(secret)).json()).toMatchObject({ proposal: { status: 'rejected' } });
});

test('a link opens nothing else, and no key opens what it opens', async () => {
  const { secret } = await linkTo('Nothing else');
  for (const path of ['/api/ops/proposals', '/api/ops/session', '/api/ops/health'])
    expect([path, (await t.request(path, { key: secret })).status]).toEqual([path, 401]);
  expect((await look(OPERATOR_KEY)).status).toBe(401);
  expect((await decide(`${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`, 'approve')).status).toBe(
    401,
  );
});

test('it is over after its time, with its webhook, and with the key that it decides as', async () => {
  const late = await linkTo('Too late');
  await t.database.query(`update ops_decision_links set expires_at = clock_timestamp() - interval '1 s'`);
  expect((await look(late.secret)).status).toBe(401);

  const removed = await linkTo('Removed');
  expect((await t.request('/api/ops/webhooks/phone', { method: 'DELETE' })).status).toBe(200);
  expect((await look(removed.secret)).status).toBe(401);

  const owner = await t.key({ scopes: ['admin', 'approve', 'read'] });
  const other = await linkTo('Whose key is revoked');
  const keyId = owner.split('_')[1] ?? '';
  await t.database.query('update ops_webhooks set links_by = $1', [keyId]);
  expect((await look(other.secret)).status).toBe(200);
  await revokeKey(t.app.database, keyId, 'test');
  expect((await look(other.secret)).status).toBe(401);
});

test('who cannot decide cannot make links that do', async () => {
  const key = await t.key({ scopes: ['admin', 'read'] });
  const json = { url: 'https://hooks.example/x', topics: ['proposal.pending'], links: true };
  const refused = await t.request('/api/ops/webhooks/mine', { method: 'PUT', key, json });
  expect(refused.status).toBe(403);
  expect((await problemOf(refused)).error).toContain('needs the scope approve');
  expect(
    (await t.request('/api/ops/webhooks/mine', { method: 'PUT', key, json: { ...json, links: false } }))
      .status,
  ).toBe(200);
});

test('who sends the links elsewhere is who they decide as, and those that are out end', async () => {
  const { secret } = await linkTo('Sent before');
  const [hook] = await t.database.query<{ url: string }>('select url from ops_webhooks');
  const key = await t.key({ scopes: ['admin', 'approve', 'read'] });
  const put = async (change: Record<string, unknown>) => {
    const json = { url: hook?.url, topics: ['proposal', 'mission.failed'], links: true, ...change };
    const answer = await t.request('/api/ops/webhooks/phone', { method: 'PUT', key, json });
    return ((await answer.json()) as { webhook: { links_by: string } }).webhook.links_by;
  };
  expect(await put({})).toBe('environment');
  expect((await look(secret)).status).toBe(200);
  expect(await put({ url: 'https://elsewhere.example/' })).toBe(key.split('_')[1]);
  expect((await look(secret)).status).toBe(401);
});

test('links that ended with their key do not come back when the webhook is changed', async () => {
  const owner = await t.key({ scopes: ['admin', 'approve', 'read'] });
  const { secret } = await linkTo('Of a key that leaked');
  const keyId = owner.split('_')[1] ?? '';
  await t.database.query('update ops_webhooks set links_by = $1', [keyId]);
  await revokeKey(t.app.database, keyId, 'test');
  const [hook] = await t.database.query<{ url: string }>('select url from ops_webhooks');
  const json = { url: hook?.url, topics: ['proposal'], links: true };
  expect((await t.request('/api/ops/webhooks/phone', { method: 'PUT', json })).status).toBe(200);
  expect((await look(secret)).status).toBe(401);
});
