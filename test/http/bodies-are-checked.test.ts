import { beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { rawRequest, sendRaw } from './raw.ts';

const t = useApp({ env: { MC_MAX_BODY: '20000' } });
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve();
});

const WISH = { agent_id: 'pm', kind: 'analysis', title: 'Look' };
const send = (body: string, headers: Record<string, string> = {}) =>
  t.request('/api/ops/proposals', { method: 'POST', body, headers });
const AUTH = `Authorization: Bearer ${OPERATOR_KEY}`;
const TYPE = 'Content-Type: application/json';
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const post = (headers: string[], body: string) =>
  sendRaw(server.port, rawRequest(server.port, { method: 'POST', headers: [AUTH, ...headers], body }));

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json-patch+json',
  'application/jsonp',
  'application/json; charset=latin1',
  'application/json, text/plain',
  '',
])('a body of type "%s" is refused', async (type) => {
  const response = await send(JSON.stringify(WISH), { 'content-type': type });
  expect(response.status).toBe(415);
  expect((await problemOf(response)).code).toBe('unsupported_media_type');
});

test('application/json with charset utf-8 is taken, compressed bodies are not', async () => {
  const type = { 'content-type': 'application/json; charset=UTF-8' };
  expect((await send(JSON.stringify(WISH), type)).status).toBe(201);
  expect((await send(JSON.stringify(WISH), { 'content-encoding': 'gzip' })).status).toBe(415);
});

test.each([
  ['not JSON', '{"agent_id":'],
  ['nothing', ' '],
  ['deep nesting', '['.repeat(6_000)],
  ['depth 33', `{"a":${'['.repeat(32)}${']'.repeat(32)}}`],
  ['NUL', '{"title":"a\\u0000b"}'],
  ['NUL in a name', '{"a\\u0000":1}'],
  ['half a surrogate pair', '{"title":"\\ud800"}'],
  ['a number beyond a double', '{"priority":1e400}'],
  ['an integer that loses digits', '{"priority":9007199254740993}'],
  ['a member named __proto__', '{"__proto__":{"agent_id":"pm"}}'],
  ['__proto__ further in', '{"config":{"a":[{"\\u005f_proto__":1}]}}'],
])('JSON with %s is refused before any schema sees it', async (_what, body) => {
  const response = await send(body);
  expect(response.status).toBe(400);
  expect((await problemOf(response)).code).toBe('invalid_json');
});

test('bytes that are not UTF-8 are refused', async () => {
  const body = Buffer.concat([Buffer.from('{"title":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  const head = rawRequest(server.port, {
    method: 'POST',
    headers: [AUTH, TYPE, `Content-Length: ${body.length}`],
  });
  const answer = await sendRaw(server.port, Buffer.concat([Buffer.from(head), body]));
  expect(answer.status).toBe(400);
  expect(answer.body).toContain('invalid_json');
});

test.each([
  ['a missing member', { agent_id: 'pm', kind: 'analysis' }, 'body.title: is missing'],
  ['an unknown member', { ...WISH, titel: 'x' }, 'did you mean "title"'],
  ['a member of another type', { ...WISH, title: 7 }, 'body.title'],
  ['a title that is too long', { ...WISH, title: 'x'.repeat(201) }, '200'],
  ['a blank title', { ...WISH, title: ' ' }, 'blank'],
  ['a list', [WISH], 'body'],
  ['null', null, 'body'],
  ['constructor', { ...WISH, constructor: { prototype: {} } }, 'constructor'],
])('a proposal with %s is refused by name', async (_what, json, names) => {
  const response = await t.request('/api/ops/proposals', { method: 'POST', json });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).error).toContain(names);
});

test('of a member that is there twice the last one counts', async () => {
  const response = await send('{"agent_id":"pm","kind":"analysis","title":"one","title":"two"}');
  expect(await response.json()).toMatchObject({ proposal: { title: 'two' } });
});

test('a body over the limit is refused, by its length and in chunks, and the connection ends', async () => {
  const large = JSON.stringify({ ...WISH, body: 'x'.repeat(20_000) });
  for (const [framing, body] of [
    [`Content-Length: ${large.length}`, large],
    ['Transfer-Encoding: chunked', chunked(large)],
    ['Content-Length: 999999999', large],
  ] as const) {
    const answer = await post([TYPE, framing], body);
    expect([framing, answer.status]).toEqual([framing, 413]);
    expect(answer.headers.connection).toBe('close');
  }
  expect((await send(large)).status).toBe(413);
});

test('a body in chunks within the limit is taken', async () => {
  const answer = await post([TYPE, 'Transfer-Encoding: chunked'], chunked(JSON.stringify(WISH)));
  expect(answer.status).toBe(201);
});

test('a body that breaks off makes nothing', async () => {
  const count = 'select count(*)::integer as n from ops_proposals';
  const before = await t.database.query(count);
  const answer = await post([TYPE, 'Transfer-Encoding: chunked'], 'zz\r\n{"broken"').catch(() => null);
  expect(answer === null || answer.status === 0 || answer.status === 400 || Number.isNaN(answer.status)).toBe(
    true,
  );
  expect(await t.database.query(count)).toEqual(before);
});

test.each(['GET', 'HEAD', 'DELETE'])('%s with a body is refused', async (method) => {
  for (const [framing, body] of [
    ['Content-Length: 2', '{}'],
    ['Transfer-Encoding: chunked', chunked('x'.repeat(3_000))],
  ] as const) {
    const text = rawRequest(server.port, { method, headers: [AUTH, TYPE, framing], body });
    expect((await sendRaw(server.port, text)).status).toBe(400);
  }
});

test('without a valid key not one byte of the body is waited for', async () => {
  const text = rawRequest(server.port, {
    method: 'POST',
    headers: ['Authorization: Bearer wrong', TYPE, 'Content-Length: 1000'],
    body: '{',
  });
  expect((await sendRaw(server.port, text)).status).toBe(401);
});
