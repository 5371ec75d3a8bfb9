import { beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { rawRequest, sendRaw } from './raw.ts';

const t = useApp();
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve();
});

const TRICKS = [
  '//api/ops/keys',
  '/api//ops/keys',
  '/api/ops/keys/',
  '/./api/ops/keys',
  '/api/status/../ops/keys',
  '/api/status/%2e%2e/ops/keys',
  '/api/status/..%2fops/keys',
  '/api/status/..%5cops%5ckeys',
  '/api/status%2f..%2fops%2fkeys',
  '/api/status;/../ops/keys',
  '/%61pi/ops/keys',
  '/api%2fops%2fkeys',
  '/api/ops%252fkeys',
  '/API/OPS/KEYS',
  '/api/ops/keys%00',
  '/api/ops/keys#/api/status',
  '/api/ops/keys?/api/status',
  '/%/api/ops/keys',
  '/%E0%A4%A',
  '/proposals/../api/ops/keys',
  '\\api\\ops\\keys',
  '/api\\status',
];

test.each(TRICKS)('%s opens nothing without a key', async (target) => {
  const answer = await sendRaw(server.port, rawRequest(server.port, { target, headers: [] }));
  expect([400, 401, 403]).toContain(answer.status);
  expect(answer.body).not.toContain('"keys"');
  expect(answer.headers['content-type']).toBe('application/problem+json');
});

test.each(TRICKS)('%s with a key is answered without a failure', async (target) => {
  const answer = await sendRaw(server.port, rawRequest(server.port, { target }));
  expect(answer.status).toBeLessThan(500);
});

test('what is not there is 404, and says where to look', async () => {
  const response = await t.request('/api/ops/nothing');
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await problemOf(response)).toMatchObject({ code: 'unknown_route', status: 404 });
});

test('a method that a route does not have is 405 with those it has', async () => {
  for (const [method, path, allowed] of [
    ['DELETE', '/api/ops/proposals', ['GET', 'HEAD', 'POST']],
    ['PATCH', '/api/ops/policy/plans', ['GET', 'HEAD', 'PUT']],
    ['GET', '/api/ops/heartbeat', ['POST']],
    ['GET', `/api/ops/proposals/${crypto.randomUUID()}/approve`, ['POST']],
    ['PUT', '/api/status', ['GET', 'HEAD']],
  ] as const) {
    const response = await t.request(path, { method });
    expect([path, response.status]).toEqual([path, 405]);
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual([...allowed]);
    expect((await problemOf(response)).code).toBe('method_not_allowed');
  }
});

test.each(['TRACE', 'PROPFIND', 'QUERY'])('%s reflects nothing', async (method) => {
  const headers = [`Authorization: Bearer ${OPERATOR_KEY}`, 'X-Secret: 12345'];
  const answer = await sendRaw(server.port, rawRequest(server.port, { method, headers }));
  expect([400, 404, 405]).toContain(answer.status);
  expect(answer.body).not.toContain('12345');
});

test('HEAD answers like GET, without a body, and opens no stream', async () => {
  const open = t.parts.streams.count();
  for (const path of ['/api/ops/proposals', '/api/ops/events/stream', '/api/status']) {
    const response = await t.request(path, { method: 'HEAD' });
    expect([path, response.status, await response.text()]).toEqual([path, 200, '']);
  }
  expect(t.parts.streams.count()).toBe(open);
});

test.each([
  'x',
  '0',
  '..%2f..%2fetc',
  '00000000-0000-0000-0000-00000000000g',
  "'%20or%201=1",
  '%00',
  'a'.repeat(3_000),
])('the id %s is refused as malformed', async (id) => {
  for (const place of ['proposals', 'missions', 'steps'])
    expect((await t.request(`/api/ops/${place}/${id}`)).status).toBe(400);
});
