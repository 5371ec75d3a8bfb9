import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { SCOPES } from '../../src/keys/schema.ts';
import { useApp } from '../support/app.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { linkOf } from '../support/webhooks.ts';
import { callWork, newWorkerName } from '../support/work.ts';

const t = useApp({ env: { OPSLOOP_TRUSTED_PROXIES: '10.0.0.0/8' }, http: { failedKeysPerMinute: 5 } });

/** Everything that opens something, and the route that it opens. */
type Guessed = { kind: string; secret: string; method: string; path: string };
let all: Guessed[];

beforeAll(async () => {
  await openPolicy(t.database);
  const key = await t.key({ scopes: [...SCOPES] });
  const made = async (path: string) =>
    (await (await t.request(path, { method: 'POST', key })).json()) as { token: string; code: string };
  await proposer(t.database)();
  const { claims } = await callWork(t, 'claim', { worker: newWorkerName(), kinds: ['analyze'] });
  const webhook = { url: 'https://hooks.example/x', topics: ['problem'], links: true };
  await t.request('/api/ops/webhooks/phone', { method: 'PUT', json: webhook });
  const { proposal } = await proposer(t.database)({ kind: 'deploy' });
  const link = await linkOf(t.database, 'phone', proposal.id);
  const claim = `/api/ops/work/claims/${claims[0]?.claim_id}/renew`;
  all = [
    { kind: 'a key', secret: key, method: 'GET', path: '/api/ops/missions' },
    {
      kind: 'a session',
      secret: (await made('/api/ops/session')).token,
      method: 'GET',
      path: '/api/ops/missions',
    },
    { kind: 'a link', secret: link, method: 'GET', path: '/api/ops/decision' },
    { kind: "a claim's token", secret: claims[0]?.token ?? '', method: 'POST', path: claim },
    {
      kind: 'a code',
      secret: (await made('/api/ops/sign-in-codes')).code,
      method: 'POST',
      path: '/api/ops/session',
    },
  ];
});

const from = (address: string, { method, path }: Guessed, bearer: string, forwarded?: string) => {
  const headers = {
    authorization: `Bearer ${bearer}`,
    ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
  };
  const rawHeaders = Object.entries({ host: '127.0.0.1:8787', ...headers }).flat();
  const incoming = { rawHeaders, socket: { remoteAddress: address, localPort: 8787 }, url: path };
  return t.request(path, { method, headers, env: { incoming } });
};
const answerOf = async (response: Response) => ({
  status: response.status,
  headers: Object.fromEntries(response.headers),
  body: await response.text(),
});
/** The same secret with its last characters exchanged, and with another id. */
const wrongSecret = (secret: string) =>
  secret.slice(0, -6) + secret.slice(-6).replaceAll(/./g, (c) => (c === 'x' ? 'y' : 'x'));
const wrongId = (secret: string) =>
  secret.replace(/_[^_]+_/, (id) => id.replaceAll(/[^_]/g, (c) => (c === 'a' ? 'b' : 'a')));

test('an id that is known is answered as one that is not, so that ids cannot be found out', async () => {
  for (const [n, guessed] of all.entries()) {
    const known = await answerOf(await from(`192.0.2.${n}`, guessed, wrongSecret(guessed.secret)));
    const unknown = await answerOf(await from(`192.0.2.${n}`, guessed, wrongId(guessed.secret)));
    expect([guessed.kind, known.status]).toEqual([guessed.kind, 401]);
    expect([guessed.kind, unknown]).toEqual([guessed.kind, known]);
  }
});

test('guesses at any of them are counted together for an address, also one that uses several at a time', async () => {
  for (const [n, guessed] of all.entries()) {
    const address = `198.51.100.${n}`;
    const tries = Array.from({ length: 30 }, () => from(address, guessed, wrongSecret(guessed.secret)));
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect([guessed.kind, statuses.filter((status) => status === 401)]).toEqual([
      guessed.kind,
      Array(5).fill(401),
    ]);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    // Then nothing opens anything from there, and everything from elsewhere.
    for (const other of all) expect((await from(address, other, other.secret)).status).toBe(429);
  }
  for (const guessed of all.filter(({ kind }) => kind !== 'a code'))
    expect([guessed.kind, (await from('203.0.113.200', guessed, guessed.secret)).status]).toEqual([
      guessed.kind,
      200,
    ]);
});

test('an address is not another one for being written otherwise, or for what it says of itself', async () => {
  const [guessed] = all as [Guessed];
  const wrong = wrongSecret(guessed.secret);
  for (const address of [
    '203.0.113.50',
    '::ffff:203.0.113.50',
    '::FFFF:cb00:7132',
    '0:0:0:0:0:ffff:203.0.113.50',
  ])
    expect((await from(address, guessed, wrong)).status).toBe(401);
  expect((await from('203.0.113.50', guessed, wrong, '127.0.0.1')).status).toBe(401);
  for (const forwarded of ['127.0.0.1', '::1', '203.0.113.99', '10.0.0.1', ''])
    expect((await from('203.0.113.50', guessed, wrong, forwarded)).status).toBe(429);
  // Behind the proxy it says only what the proxy has not said after it.
  for (let n = 0; n < 5; n++)
    expect((await from('10.0.0.1', guessed, wrong, `127.0.0.1, 203.0.113.${n}, 203.0.113.77`)).status).toBe(
      401,
    );
  expect((await from('10.0.0.1', guessed, wrong, '127.0.0.1, 203.0.113.77')).status).toBe(429);
});

test('a flood of addresses takes no more memory than a bounded number of them', async () => {
  const [guessed] = all as [Guessed];
  for (let n = 0; n < 12_000; n++)
    t.parts.failedKeys.take(`2001:db8:${(n >> 8).toString(16)}:${(n & 255).toString(16)}::/64`);
  for (let n = 0; n < 50; n++) await from('10.0.0.1', guessed, 'nonsense', `198.18.0.${n}`);
  expect(t.parts.failedKeys.size()).toBeLessThanOrEqual(10_000);
});

test('what is kept of a secret is compared in constant time, wherever one is', () => {
  for (const file of ['keys/keys.ts', 'keys/sessions.ts', 'keys/claim-tokens.ts', 'webhooks/links.ts']) {
    const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
    expect([file, text.includes('timingSafeEqual(')]).toEqual([file, true]);
    expect([
      file,
      /(?:digest\w*\([^)]*\)|[a-z]_hash|Digest)\)? *(?:!==|===|==|!=) *(?!null|undefined)/.exec(text),
    ]).toEqual([file, null]);
    expect([file, /\.equals\(|Buffer\.compare/.exec(text)]).toEqual([file, null]);
  }
});
