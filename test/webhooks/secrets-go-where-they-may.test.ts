import { beforeAll, expect, test } from 'vitest';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { makeSecrets } from '../../src/webhooks/secrets.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { callNow, callsIn, courierParts, onlyWebhook, useReceiver } from '../support/webhooks.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database));

test('a secret that is bound to hosts is sent to no other, in the address or in an option', async () => {
  const receiver = await useReceiver();
  const here = new URL(receiver.url).host;
  const env = {
    OPSLOOP_SECRET_TOKEN: 'a-token-0123456789',
    OPSLOOP_SECRET_CHAT: `${receiver.url}/a-chat-0123`,
  };
  const parts = courierParts(db.database);
  const withHosts = (hosts: string[]) => ({
    ...parts,
    secrets: makeSecrets('/nowhere', (name) => env[name as keyof typeof env], { token: hosts, chat: hosts }),
  });
  const telegram = { template: 'telegram' as const, topics: ['proposal'], links: false };
  const uses = [
    { ...telegram, url: `${receiver.url}/bot{secret:token}`, options: { chat_id: '1' } },
    { ...telegram, url: `${receiver.url}/`, options: { chat_id: '{secret:token}' } },
    { template: 'slack' as const, topics: ['proposal'], url: '{secret:chat}' },
  ];
  for (const use of uses) {
    await onlyWebhook(withHosts(['api.telegram.org']), use);
    await proposer(db.database)({ kind: 'deploy' });
    await callNow(withHosts(['api.telegram.org']));
    expect(receiver.asked).toEqual([]);
    const [refused] = await callsIn(db.database);
    expect(refused?.last_error).toContain('is bound to api.telegram.org');
    expect(refused?.last_error).not.toMatch(/0123/);
  }
  for (const hosts of [[here], ['127.0.0.1']]) {
    for (const use of uses) {
      await onlyWebhook(withHosts(hosts), use);
      await proposer(db.database)({ kind: 'deploy' });
      await callNow(withHosts(hosts));
    }
  }
  expect(receiver.asked).toHaveLength(6);
});

test('no secret is a part of a host, where looking it up would tell it', () => {
  const of = (url: string) => WebhookInput.safeParse({ name: 'x', url, topics: ['proposal'] });
  for (const url of [
    'https://{secret:a}/',
    'https://{secret:a}.example.com/',
    'https://a.example:{secret:a}/',
  ])
    expect([url, of(url).success]).toEqual([url, false]);
  for (const url of ['{secret:a}', 'https://a.example/{secret:a}?t={secret:b}'])
    expect([url, of(url).success]).toEqual([url, true]);
});
