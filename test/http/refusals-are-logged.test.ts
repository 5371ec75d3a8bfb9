import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { makePerMinute } from '../../src/http/per-minute.ts';
import { useApp } from '../support/app.ts';

type Line = Record<string, unknown> & { msg: string };
let written = '';
const lines = () =>
  written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === 'a request was refused');

const t = useApp({
  log: pino({ level: 'info' }, { write: (line: string) => void (written += line) }),
  env: { OPSLOOP_TRUSTED_PROXIES: '10.0.0.0/8' },
});
beforeEach(() => {
  written = '';
});

test('a wrong key: from where, for what, and what it calls itself, but not the key', async () => {
  const key = await t.key({ scopes: ['read'] });
  const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  expect((await t.request('/api/ops/proposals/secret-in-a-path', { key: wrong })).status).toBe(401);
  expect(lines()).toMatchObject([
    {
      code: 'unauthorized',
      method: 'GET',
      route: '/api/ops/proposals/:id',
      address: '127.0.0.1',
      claimedId: key.slice(4, 12),
    },
  ]);
  expect(written).not.toContain(wrong.slice(-43));
  expect(written).not.toContain('secret-in-a-path');
});

test('a key that may not do what it asked for', async () => {
  const key = await t.key({ scopes: ['read'], agent_id: 'pm' });
  expect((await t.request('/api/ops/keys', { key })).status).toBe(403);
  expect(lines()).toMatchObject([{ code: 'forbidden', route: '/api/ops/keys', keyId: key.slice(4, 12) }]);
});

test.each([
  ['host_not_allowed', { host: 'evil.example\u001b[31m' }],
  ['origin_not_allowed', { origin: 'https://evil.example' }],
  ['origin_not_allowed', { 'sec-fetch-site': 'cross-site' }],
])('%s', async (code, headers) => {
  const rawHeaders = Object.entries({ host: '127.0.0.1:8787', ...headers }).flat();
  const socket = { remoteAddress: '10.1.2.3', localPort: 8787 };
  const incoming = {
    rawHeaders: [...rawHeaders, 'x-forwarded-for', '203.0.113.7'],
    socket,
    url: '/api/ops/keys',
  };
  expect((await t.request('/api/ops/keys', { env: { incoming } })).status).toBe(403);
  expect(lines()).toMatchObject([{ code, address: '203.0.113.7' }]);
  expect(written).not.toContain('\u001b');
});

test('a request without any key is no attempt, and what is refused for its form is none', async () => {
  expect((await t.request('/api/ops/keys', { key: null })).status).toBe(401);
  expect((await t.request('/api/ops/keys?x=1')).status).toBe(400);
  expect((await t.request('/api/ops/proposals/x')).status).toBe(400);
  expect(lines()).toEqual([]);
});

test('a flood writes so many lines a minute, and the next one says how many there were', async () => {
  for (let i = 0; i < 60; i++)
    await t.request('/api/ops/keys', { headers: { origin: 'https://evil.example' } });
  expect(lines().length).toBeLessThanOrEqual(30);

  let clock = 0;
  const bounded = makePerMinute(2, () => clock);
  expect([bounded.next(), bounded.next(), bounded.next(), bounded.next()]).toEqual([0, 0, null, null]);
  clock = 60_000;
  expect([bounded.next(), bounded.next()]).toEqual([2, 0]);
});
