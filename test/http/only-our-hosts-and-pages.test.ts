import { beforeAll, expect, test } from 'vitest';
import { describeApi } from '../../src/http/openapi.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { rawRequest, sendRaw } from './raw.ts';

const t = useApp({
  env: {
    OPSLOOP_ALLOWED_HOSTS: 'ops.example.com,mapped.example.com:9000',
    OPSLOOP_ALLOWED_ORIGINS: 'https://board.example.com',
    OPSLOOP_PUBLIC_URL: 'https://public.example.com',
  },
});
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve();
});

const AUTH = `Authorization: Bearer ${OPERATOR_KEY}`;
const withHost = (host: string, path = '/api/status') => t.request(path, { headers: { host } });
const withOrigin = (origin: string, headers: Record<string, string> = {}, method = 'GET') =>
  t.request('/api/ops/proposals', { method, headers: { origin, ...headers } });

test.each([
  '127.0.0.1:8787',
  'localhost:8787',
  'LOCALHOST:8787',
  '[::1]:8787',
  'ops.example.com',
  'ops.example.com:443',
  'mapped.example.com:9000',
  'public.example.com',
])('the host %s is ours', async (host) => {
  expect((await withHost(host)).status).toBe(200);
});

test.each([
  'evil.example.com',
  'evil.example.com:8787',
  '127.0.0.1',
  '127.0.0.1:80',
  'localhost:8788',
  'localhost.evil.example.com:8787',
  'xops.example.com',
  'mapped.example.com',
  'user@localhost:8787',
  'localhost:8787, evil.example.com',
  '2130706433:8787',
  '',
])('the host "%s" is refused, on public routes too', async (host) => {
  for (const path of ['/', '/api/status', '/api/ops/proposals', '/nothing']) {
    const response = await withHost(host, path);
    expect([path, response.status]).toEqual([path, 403]);
    expect((await problemOf(response)).code).toBe('host_not_allowed');
  }
});

test('over the wire, exactly one Host counts, and the target is a path', async () => {
  const own = `127.0.0.1:${server.port}`;
  const send = (options: Parameters<typeof rawRequest>[1]) =>
    sendRaw(server.port, rawRequest(server.port, options));
  expect((await send({})).status).toBe(200);
  const refused = [
    await send({ host: null }),
    await send({ headers: [AUTH, `Host: ${own}`] }),
    await send({ headers: [AUTH, 'Host: evil.example.com'] }),
    await send({ target: `http://evil.example.com/api/ops/proposals` }),
    await send({ target: `http://${own}/api/ops/proposals` }),
    await send({ host: 'evil.example.com' }),
    await send({ host: `${own}/x` }),
  ];
  expect(refused.map((answer) => answer.status)).toEqual(refused.map(() => 403));
  expect((await send({ host: 'a b' })).status).toBe(400);
  for (const answer of refused) {
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'host_not_allowed' });
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  }
});

test('forwarded headers of strangers change nothing', async () => {
  const headers = {
    host: 'evil.example.com',
    'x-forwarded-host': '127.0.0.1:8787',
    forwarded: 'host=localhost',
  };
  expect((await t.request('/api/status', { headers })).status).toBe(403);
});

test.each([
  'http://127.0.0.1:8787',
  'http://localhost:8787',
  'https://board.example.com',
  'https://public.example.com',
  'https://ops.example.com',
])('pages of %s may call, and are named exactly', async (origin) => {
  const response = await withOrigin(origin, { 'sec-fetch-site': 'cross-site' });
  expect(response.status).toBe(200);
  expect(response.headers.get('access-control-allow-origin')).toBe(origin);
  expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  expect(response.headers.get('vary')).toBe('Origin');
});

test.each([
  'null',
  'https://evil.example.com',
  'http://127.0.0.1:9999',
  'https://127.0.0.1:8787',
  'http://board.example.com',
  'https://board.example.com.evil.example.com',
  'https://xboard.example.com',
  'http://127.0.0.1:8787/path',
  'file://',
])('pages of %s may not, whatever the method', async (origin) => {
  for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
    const response = await withOrigin(origin, {}, method);
    expect([method, response.status]).toEqual([method, 403]);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('without an Origin, what the browser says of the page decides', async () => {
  const from = (site: string, path = '/api/ops/proposals') =>
    t.request(path, { headers: { 'sec-fetch-site': site } });
  for (const site of ['none', 'same-origin']) expect((await from(site)).status).toBe(200);
  for (const site of ['cross-site', 'same-site', 'nonsense']) {
    expect((await from(site)).status).toBe(403);
    expect((await from(site, '/api/status')).status).toBe(403);
  }
});

test('a link to the first page can be followed, and nothing else can be reached by a link', async () => {
  const visit = (path: string) =>
    t.request(path, {
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    });
  expect((await visit('/')).status).toBe(200);
  for (const path of ['/api/status', '/api/ops/proposals', '/openapi.json'])
    expect((await visit(path)).status).toBe(403);
});

test('preflights are answered without a key, for the pages that are allowed', async () => {
  const preflight = (origin: string) =>
    t.request('/api/ops/proposals', {
      method: 'OPTIONS',
      key: null,
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  const allowed = await preflight('https://board.example.com');
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-methods')).toContain('POST');
  expect(allowed.headers.get('access-control-allow-headers')).toContain('Authorization');
  expect((await preflight('https://evil.example.com')).status).toBe(403);
});

test.each(['Authorization: Bearer other', AUTH])(
  'a second header "%s" makes both worthless',
  async (second) => {
    const answer = await sendRaw(server.port, rawRequest(server.port, { headers: [AUTH, second] }));
    expect(answer.status).toBe(401);
  },
);

test.each([
  'Origin: http://localhost',
  'Sec-Fetch-Site: none',
  'Content-Type: text/plain',
  'Idempotency-Key: a',
])('two headers "%s" are refused', async (header) => {
  const text = rawRequest(server.port, { headers: [AUTH, header, header] });
  expect((await sendRaw(server.port, text)).status).toBe(400);
});

/** Every route that changes something, and what a page could fill into it. */
const changing = () =>
  Object.entries(describeApi(t.http).paths ?? {}).flatMap(([path, item]) =>
    (['post', 'put', 'delete'] as const).flatMap((method) =>
      item[method] ? [[method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x')] as const] : [],
    ),
  );

test.each<Record<string, string>>([
  { host: 'evil.example' },
  { host: 'evil.example:8787' },
  { host: '127.0.0.1.evil.example:8787' },
  { host: '127.0.0.1.:8787' },
  { host: 'localhost.:8787' },
  { host: '127.0.0.1:8787:8787' },
  { host: '127.0.0.1:08787x' },
  { host: '0.0.0.0:8787' },
  { host: '[::]:8787' },
  { host: '[::ffff:127.0.0.1]:8787' },
  { host: '127.1:8787' },
  { host: '0x7f.0.0.1:8787' },
  { host: 'operator@127.0.0.1:8787' },
  { host: '127.0.0.1:8787@evil.example' },
  { host: 'ops.example.com.evil.example' },
  { origin: 'null' },
  { origin: '' },
  { origin: 'http://evil.example' },
  { origin: 'http://127.0.0.1' },
  { origin: 'http://127.0.0.1:8788' },
  { origin: 'https://127.0.0.1:8787' },
  { origin: 'http://127.0.0.1:8787.evil.example' },
  { origin: 'http://127.0.0.1:8787@evil.example' },
  { origin: 'http://evil.example/127.0.0.1:8787' },
  { origin: 'http://evil.example#127.0.0.1:8787' },
  { origin: 'http://localhost.evil.example:8787' },
  { origin: 'http://evillocalhost:8787' },
  { origin: 'https://sub.board.example.com' },
  { origin: 'https://board.example.com:444' },
  { origin: 'https://board.example.com.' },
  { origin: 'wss://board.example.com' },
  { origin: 'chrome-extension://abcdefgh' },
  { origin: 'http://127.0.0.1:8787 http://evil.example' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'SAME-ORIGIN' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
])('with %j no route that changes something is reached, whoever asks', async (headers) => {
  const [row] = await t.database.query('select count(*)::integer as n from ops_events');
  for (const [method, path] of changing()) {
    const response = await t.request(path, { method, headers, ...(method === 'DELETE' ? {} : { json: {} }) });
    expect([method, path, response.status]).toEqual([method, path, 403]);
    expect((await problemOf(response)).code).toMatch(/^(host|origin)_not_allowed$/);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  }
  expect(changing().length).toBeGreaterThan(35);
  expect(await t.database.query('select count(*)::integer as n from ops_events')).toEqual([row]);
});
