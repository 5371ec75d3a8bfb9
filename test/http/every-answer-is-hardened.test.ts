import { connect } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { buildHttp } from '../../src/http/app.ts';
import { SECURITY_HEADERS } from '../../src/http/security-headers.ts';
import { type HttpServer, serveHttp } from '../../src/http/serve.ts';
import { OPERATOR_KEY, toRequest, useApp } from '../support/app.ts';
import { type RawAnswer, rawRequest, sendRaw } from './raw.ts';

const t = useApp();
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve({
    limits: { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 },
  });
});

function expectHardened({ headers }: Pick<RawAnswer, 'headers'>): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS))
    expect([name, headers[name.toLowerCase()]]).toEqual([name, value]);
}

test.each([
  ['/', null, 200],
  ['/proposals', null, 200],
  ['/api/status', null, 200],
  ['/api/ops/proposals', null, 401],
  ['/api/ops/proposals', OPERATOR_KEY, 200],
  ['/api/ops/proposals/x', OPERATOR_KEY, 400],
  ['/nothing', OPERATOR_KEY, 404],
  ['/metrics', OPERATOR_KEY, 200],
  ['/openapi.json', OPERATOR_KEY, 200],
])('%s carries every security header (key: %s)', async (path, key, status) => {
  const response = await t.request(path, { key });
  expect(response.status).toBe(status);
  expectHardened({ headers: Object.fromEntries(response.headers) });
  expect(response.headers.get('x-powered-by')).toBeNull();
  expect(response.headers.get('server')).toBeNull();
});

test.each([
  ['nonsense', 'GARBAGE\r\n\r\n', 400],
  ['headers that are too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  [
    'a length and chunks together',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['a header that is not finished', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
  ['an expectation', 'GET /api/status HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\n\r\n', 417],
])('what Node itself refuses is a problem with the same headers: %s', async (_what, text, status) => {
  const answer = await sendRaw(server.port, text);
  expect(answer.status).toBe(status);
  expectHardened(answer);
  expect(JSON.parse(answer.body)).toMatchObject({
    status,
    code: expect.any(String),
    error: expect.any(String),
  });
});

test('a body that never arrives ends the connection', async () => {
  const text = rawRequest(server.port, {
    method: 'POST',
    headers: [
      `Authorization: Bearer ${OPERATOR_KEY}`,
      'Content-Type: application/json',
      'Content-Length: 10',
    ],
    body: '{',
  });
  await sendRaw(server.port, text).catch(() => undefined);
});

test('an unexpected error says nothing about itself', async () => {
  const { database } = t.app;
  const query = database.query;
  database.query = () => Promise.reject(new Error('secret detail of the inside'));
  try {
    const response = await t.request('/api/ops/proposals');
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', status: 500 });
    expect(text).not.toMatch(/secret|stack|at \w+/);
  } finally {
    database.query = query;
  }
});

test('closing lets a request that is under way finish', async () => {
  const other = await t.serve();
  const body = JSON.stringify({ agent_id: 'pm', kind: 'analysis', title: 'Look' });
  const socket = connect(other.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    answer += part;
  });
  const ended = new Promise((resolve) => socket.on('close', resolve));
  socket.write(
    `POST /api/ops/proposals HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\nAuthorization: Bearer ${OPERATOR_KEY}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  );
  // Whoever is answered after that proves that the server has seen the first part.
  await fetch(`${other.url}/api/status`);
  const closed = other.close();
  socket.write(body.slice(5));
  await closed;
  await ended;
  expect(answer.startsWith('HTTP/1.1 201')).toBe(true);
});

test('a port that is taken is told as such', async () => {
  await expect(serveHttp(t.app, { host: '127.0.0.1', port: server.port })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('OPSLOOP_PORT'),
  });
});

test('closing ends idle connections and lets none be opened', async () => {
  const other = await t.serve();
  const idle = connect(other.port, '127.0.0.1');
  const ended = new Promise((resolve) => idle.on('close', resolve));
  idle.write(`GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\n\r\n`);
  await new Promise((resolve) => idle.once('data', resolve));
  await other.close();
  await ended;
  await expect(sendRaw(other.port, 'GET / HTTP/1.1\r\n\r\n')).rejects.toThrow('no answer');
});

test('behind TLS browsers are told to come by it alone, and elsewhere nothing is said', async () => {
  const of = async (publicUrl: string | undefined) => {
    const app = { ...t.app, config: { ...t.app.config, publicUrl } };
    const response = await buildHttp(app, t.parts).request(...toRequest('/api/status'));
    return response.headers.get('strict-transport-security');
  };
  expect(await of('https://ops.example')).toBe('max-age=31536000');
  expect(await of('http://ops.example')).toBeNull();
  expect(await of(undefined)).toBeNull();
});
