import { expect, test } from 'vitest';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
const put = (name: string, json: Record<string, unknown>) =>
  t.request(`/api/ops/webhooks/${name}`, { method: 'PUT', json });
const HOOK = { url: 'https://hooks.example/x', topics: ['proposal.pending'] };
const bodyOf = async (answer: Response) => (await answer.json()) as Record<string, never>;

test('one is made, left as it is, changed and removed, each with its event', async () => {
  const made = await bodyOf(await put('phone', HOOK));
  expect(made).toMatchObject({
    changed: true,
    signing_secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    webhook: { name: 'phone', template: 'json', agents: null, links_by: null, paused: false },
  });
  expect(await bodyOf(await put('phone', HOOK))).toMatchObject({ changed: false, signing_secret: null });
  expect(await bodyOf(await put('phone', { ...HOOK, paused: true }))).toMatchObject({
    changed: true,
    webhook: { paused: true },
  });
  const tested = await t.request('/api/ops/webhooks/phone/test', { method: 'POST', json: {} });
  expect([tested.status, (await problemOf(tested)).error]).toEqual([
    409,
    expect.stringContaining('is paused'),
  ]);
  expect((await t.request('/api/ops/webhooks/phone', { method: 'DELETE' })).status).toBe(200);
  expect((await t.request('/api/ops/webhooks/phone', { method: 'DELETE' })).status).toBe(404);
  const kinds = await t.database.query<{ kind: string }>(
    `select kind from ops_events where entity = 'webhook' order by id`,
  );
  expect(kinds.map(({ kind }) => kind)).toEqual(['webhook.created', 'webhook.changed', 'webhook.removed']);
  const everything = await t.database.query('select payload from ops_events');
  expect(JSON.stringify(everything)).not.toContain('whsec_');
});

test.each([
  [{ ...HOOK, url: 'ftp://x.example/' }, 'http(s) address'],
  [{ ...HOOK, url: 'https://user:pw@x.example/' }, 'without a user or password'],
  [{ ...HOOK, url: 'https://x.example/{secret}' }, '{secret:name}'],
  [{ ...HOOK, url: 'https://hooks.slack.com/services/T0/B0/abc' }, 'opsloop secrets set'],
  [{ ...HOOK, url: 'https://api.telegram.org/bot12:abc/sendMessage' }, 'opsloop secrets set'],
  [{ ...HOOK, url: 'https://x.example/{secret:webhook-phone}' }, 'signs calls'],
  [{ ...HOOK, topics: ['everything'] }, 'must be one of'],
  [{ ...HOOK, topics: [] }, 'topics'],
  [{ ...HOOK, template: 'carrier-pigeon' }, 'template'],
  [{ ...HOOK, template: 'telegram' }, 'the template telegram needs chat_id'],
  [{ ...HOOK, template: 'ntfy' }, 'the template ntfy needs topic'],
  [{ ...HOOK, surprise: 1 }, 'surprise'],
])('%j is refused with a reason', async (json, reason) => {
  const answer = await put('bad', json);
  expect(answer.status).toBe(400);
  expect((await problemOf(answer)).error).toContain(reason);
});

test('a url can be a secret as a whole', async () => {
  const answer = await put('chat', { ...HOOK, url: '{secret:slack-url}', template: 'slack' });
  expect(await bodyOf(answer)).toMatchObject({
    webhook: { url: '{secret:slack-url}' },
    signing_secret: null,
  });
});

test('calls are listed page by page', async () => {
  await put('many', HOOK);
  for (let n = 0; n < 3; n++)
    expect((await t.request('/api/ops/webhooks/many/test', { method: 'POST', json: {} })).status).toBe(202);
  const first = await bodyOf(await t.request('/api/ops/webhooks/many/calls?limit=2'));
  expect(first['calls']).toHaveLength(2);
  const rest = await bodyOf(await t.request(`/api/ops/webhooks/many/calls?limit=2&cursor=${first['next']}`));
  expect(rest).toMatchObject({ calls: [{ topic: 'test', status: 'waiting', attempts: 0 }], next: null });
  expect((await t.request('/api/ops/webhooks/nobody/calls')).status).toBe(404);
});
