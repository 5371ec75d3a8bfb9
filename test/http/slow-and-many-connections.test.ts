import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { eventually, openPolicy } from '../support/loop.ts';
import { rawRequest, sendRaw } from './raw.ts';

const t = useApp();
let server: HttpServer;
const limits = {
  headersTimeout: 400,
  requestTimeout: 400,
  connectionsCheckingInterval: 50,
  idleTimeout: 2_000,
};
const open: Socket[] = [];

beforeAll(async () => {
  await openPolicy(t.database);
  server = await t.serve({ limits });
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

type Client = { socket: Socket; heard: string; ended: Promise<void> };

/** A client that says something and then behaves badly. */
async function client(first: string, listens = true, port = server.port): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  open.push(socket);
  socket.on('error', () => undefined);
  const made: Client = {
    socket,
    heard: '',
    ended: new Promise((resolve) => socket.on('close', () => resolve())),
  };
  if (listens)
    socket.setEncoding('latin1').on('data', (part: string) => {
      made.heard += part;
    });
  await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
  socket.write(first);
  return made;
}
const many = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));
const AUTH = `Authorization: Bearer ${OPERATOR_KEY}`;
const hello = () => `POST /api/ops/proposals HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${AUTH}\r\n`;

/** An honest request, which must be answered meanwhile. */
async function honest(): Promise<void> {
  const answer = await sendRaw(server.port, rawRequest(server.port, { target: '/api/ops/missions?limit=1' }));
  expect(answer.status).toBe(200);
}

test('clients whose headers never end are told so and cut, and others are served meanwhile', async () => {
  const slow = await many(100, () => client(hello()));
  const dripping = setInterval(() => {
    for (const { socket } of slow) socket.write('X');
  }, 20);
  await honest();
  await Promise.all(slow.map(({ ended }) => ended));
  clearInterval(dripping);
  for (const { heard } of slow) expect(heard).toMatch(/^HTTP\/1.1 408 /);
  await honest();
});

test('clients whose bodies never end are cut, and nothing of them is kept', async () => {
  const before = await t.database.query('select count(*) from ops_proposals');
  const length = ['Content-Type: application/json', 'Content-Length: 1000', '', '{'].join('\r\n');
  const chunks = ['Content-Type: application/json', 'Transfer-Encoding: chunked', '', '1', '{', ''].join(
    '\r\n',
  );
  const slow = [
    ...(await many(50, () => client(hello() + length))),
    ...(await many(50, () => client(hello() + chunks))),
  ];
  await honest();
  await Promise.all(slow.map(({ ended }) => ended));
  expect(await t.database.query('select count(*) from ops_proposals')).toEqual(before);
});

test('clients that say nothing at all are cut', async () => {
  const silent = await many(100, () => client(''));
  await honest();
  await Promise.all(silent.map(({ ended }) => ended));
});

test('a client that does not take its answer is cut, and does not keep it in memory', async () => {
  const body = 'é'.repeat(131_072);
  for (let n = 0; n < 20; n++)
    await t.request('/api/ops/proposals', {
      method: 'POST',
      json: { agent_id: 'pm', kind: 'analysis', title: 'Large', body },
    });
  const slow = await many(5, () =>
    client(`GET /api/ops/proposals HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${AUTH}\r\n\r\n`, false),
  );
  await honest();
  // It is not told: what it was sent before is still on its way. But the server has let it go.
  await eventually(async () => (await connections()) === 0);
  for (const { socket } of slow) expect(socket.bytesRead).toBeLessThan(4_000_000);
});

test('a client that has gone with half a request leaves nothing behind', async () => {
  const gone = await many(50, () => client(`${hello()}Content-Length: 10\r\n\r\n{`));
  for (const { socket } of gone) socket.resetAndDestroy();
  await eventually(async () => (await connections()) === 0);
  await honest();
});

test('headers that are too many or too large are refused, and none of them is overlooked', async () => {
  const filler = Array.from({ length: 1_500 }, (_, n) => `a${n}:b`);
  const plain = `GET /api/ops/missions HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n${AUTH}`;
  const send = (lines: string[]) => sendRaw(server.port, `${[plain, ...lines].join('\r\n')}\r\n\r\n`);
  // One of a page that may not call, behind more headers than anybody reads.
  expect((await send([...filler, 'Origin: https://evil.example'])).status).toBe(403);
  expect((await send([...filler, 'Host: evil.example'])).status).toBe(403);
  expect((await send([...filler, 'Content-Length: 2', '', '{}'])).status).toBe(400);
  expect((await send([`x: ${'y'.repeat(20_000)}`])).status).toBe(431);
  expect((await send(Array.from({ length: 20 }, (_, n) => `x${n}: ${'y'.repeat(1_000)}`))).status).toBe(431);
});

test('more connections than there may be are not taken, and when they end others are served', async () => {
  const patient = { headersTimeout: 3_000, requestTimeout: 3_000, idleTimeout: 10_000 };
  const { port } = await t.serve({ limits: { ...limits, ...patient } });
  const flood = await many(1_100, () => client(hello(), true, port));
  await Promise.all(flood.map(({ ended }) => ended));
  const answered = flood.filter(({ heard }) => heard.startsWith('HTTP/1.1 408'));
  expect(answered).toHaveLength(1_024);
  expect((await sendRaw(port, rawRequest(port))).status).toBe(200);
});

/** Connections that the server holds. */
function connections(): Promise<number> {
  return server.connections();
}
