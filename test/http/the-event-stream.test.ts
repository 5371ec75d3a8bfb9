import { beforeAll, expect, test } from 'vitest';
import { selectHead } from '../../src/events/queries.ts';
import { revokeKey } from '../../src/keys/keys.ts';
import { buildHttp } from '../../src/http/app.ts';
import { makeHttpParts } from '../../src/http/parts.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import { eventually, openPolicy, proposer, readLog, sealAll } from '../support/loop.ts';
import { OPERATOR_KEY, type TestApp, toRequest, useApp } from '../support/app.ts';
import { idsIn, openRawStream } from './raw.ts';

const t = useApp();
const STREAM = '/api/ops/events/stream';

beforeAll(() => openPolicy(t.database));

async function openStreams(server: HttpServer): Promise<number> {
  const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return Number(/^opsloop_event_streams (\d+)$/m.exec(text)?.[1]);
}

async function head(app: TestApp): Promise<number> {
  await sealAll(app.database);
  return (await selectHead(app.database)).seq;
}

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

test('from the beginning it gives everything there was and everything that comes, once and in order', async () => {
  const server = await t.serve();
  await proposer(t.database)();
  const stream = await openRawStream(server.port, `${STREAM}?after=0`);
  const writers = Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 10; i++) await proposer(t.database)();
  });
  await Promise.all(writers);
  const last = await head(t);
  const text = await stream.until((received) => idsIn(received).includes(last));
  expect(idsIn(text)).toEqual(numbers(1, last));
  expect(text).toMatch(/content-type: text\/event-stream/i);
  expect(text).toContain('event: event\ndata: {"seq":1,');
  stream.socket.destroy();
});

test('without a place it begins with what comes, and goes on after Last-Event-ID', async () => {
  const server = await t.serve();
  const before = await head(t);
  const first = await openRawStream(server.port, STREAM);
  await first.until((text) => text.includes('the log of opsloop'));
  await proposer(t.database)();
  const middle = await head(t);
  expect(idsIn(await first.until((text) => idsIn(text).includes(middle)))).toEqual(
    numbers(before + 1, middle),
  );
  first.socket.destroy();

  await proposer(t.database)();
  const last = await head(t);
  const headers = [`Authorization: Bearer ${OPERATOR_KEY}`, `Last-Event-ID: ${middle}`];
  const second = await openRawStream(server.port, `${STREAM}?after=0`, headers);
  expect(idsIn(await second.until((text) => idsIn(text).includes(last)))).toEqual(numbers(middle + 1, last));
  second.socket.destroy();
});

test('it filters, and tells its place to a reader whose filter matches nothing', async () => {
  const server = await t.serve({ http: { pingMs: 20 } });
  const stream = await openRawStream(server.port, `${STREAM}?after=0&kind=mission.&entity=mission`);
  const last = await head(t);
  const text = await stream.until((received) => received.includes(`: ping\nid: ${last}\n`));
  const kinds = [...text.matchAll(/"seq":\d+,"id":\d+,"kind":"([\w.]+)"/g)].map((match) => match[1]);
  expect(kinds).toHaveLength(idsIn(text).length);
  expect(new Set(kinds)).toEqual(new Set(['mission.created']));
  stream.socket.destroy();
});

test('an agent follows its own proposals and no others', async () => {
  const server = await t.serve({ http: { pingMs: 20 } });
  const key = await t.key({ scopes: ['read'], agent_id: 'qa' });
  await proposer(t.database)({ agentId: 'qa' });
  await proposer(t.database)({ agentId: 'pm' });
  const stream = await openRawStream(server.port, `${STREAM}?after=0`, [`Authorization: Bearer ${key}`]);
  const last = await head(t);
  const text = await stream.until((received) => received.includes(`: ping\nid: ${last}\n`));
  const own = await t.database.query<{ id: string }>("select id from ops_proposals where agent_id = 'qa'");
  const ids = new Set(own.map((row) => row.id));
  const events = (await readLog(t.database)).filter((event) => ids.has(event.proposal_id ?? ''));
  expect(idsIn(text)).toEqual(events.map((event) => event.seq));
  stream.socket.destroy();
});

test('the time limits of requests do not end it', async () => {
  const limits = {
    headersTimeout: 30,
    requestTimeout: 30,
    connectionsCheckingInterval: 5,
    keepAliveTimeout: 10,
  };
  const server = await t.serve({ http: { pingMs: 20 }, limits });
  const stream = await openRawStream(server.port, STREAM);
  await stream.until((text) => text.split(': ping').length > 10);
  stream.socket.destroy();
});

test('readers that go leave nothing behind, however they go', async () => {
  const server = await t.serve({ http: { pingMs: 20 } });
  const { hints } = t.app.database;
  const { on } = hints;
  let followers = 0;
  hints.on = (topic, listener) => {
    const stop = on(topic, listener);
    followers++;
    return () => {
      followers--;
      stop();
    };
  };
  for (let round = 0; round < 3; round++) {
    const streams = await Promise.all(
      Array.from({ length: 5 }, () => openRawStream(server.port, `${STREAM}?after=0`)),
    );
    await Promise.all(streams.map((stream) => stream.until((text) => text.includes(': ping'))));
    expect([await openStreams(server), followers]).toEqual([5, 5]);
    for (const [index, { socket }] of streams.entries()) {
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    }
    await eventually(async () => (await openStreams(server)) === 0 && followers === 0);
  }
  hints.on = on;
});

test('there are only so many, and one that closes makes room', async () => {
  const server = await t.serve({ http: { maxStreams: 2 } });
  const open = () => openRawStream(server.port, STREAM);
  const first = await open();
  const second = await open();
  await Promise.all([first, second].map((stream) => stream.until((text) => text.includes('the log'))));
  const third = await open();
  const refused = await third.until((text) => text.includes('"code"'));
  expect(refused).toContain('429 Too Many Requests');
  expect(refused).toContain('rate_limited');
  first.socket.destroy();
  await eventually(async () => (await openStreams(server)) === 1);
  const fourth = await open();
  await fourth.until((text) => text.includes('the log of opsloop'));
  for (const { socket } of [second, third, fourth]) socket.destroy();
});

test('a key that is revoked ends its streams', async () => {
  const server = await t.serve({ http: { pingMs: 20 } });
  const key = await t.key({ scopes: ['read'] });
  const stream = await openRawStream(server.port, STREAM, [`Authorization: Bearer ${key}`]);
  await stream.until((text) => text.includes(': ping'));
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  const text = await stream.until((received) => received.includes('event: error'));
  expect(text).toContain('"code":"unauthorized"');
  stream.socket.destroy();
});

test('a server that stops says so and does not wait for readers', async () => {
  const server = await t.serve();
  const stream = await openRawStream(server.port, STREAM);
  await stream.until((text) => text.includes('the log of opsloop'));
  const ended = new Promise((resolve) => stream.socket.on('close', resolve));
  await server.close();
  await ended;
  expect(stream.received()).toContain(': the server stops');
});

test('a reader that takes nothing is dropped, and until then nothing is read for it', async () => {
  const server = await t.serve({ http: { slowReaderMs: 300 } });
  // More than the buffers of two sockets hold.
  await t.database.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     select 'test.large', 'test', 'beat', n::text, jsonb_build_object('text', repeat('x', 20000))
     from generate_series(1, 1500) as n`,
  );
  await head(t);
  const stream = await openRawStream(server.port, `${STREAM}?after=0`);
  stream.socket.pause();
  await eventually(async () => (await openStreams(server)) === 1);
  await eventually(async () => (await openStreams(server)) === 0);
  stream.socket.destroy();
});

test('nothing is read from the database before the reader has taken what it was given', async () => {
  const { database } = t.app;
  const { query } = database;
  let reads = 0;
  database.query = (text, values, options) => {
    if (options === 'opsloop_sealed') reads++;
    return query(text, values, options);
  };
  try {
    const reader = byPieces(await t.request(`${STREAM}?after=0`));
    expect((await reader.next()).includes('the log of opsloop')).toBe(true);
    expect(reads).toBe(0);
    // A chunk of the large events is hundreds of pieces.
    for (let i = 0; i < 5; i++) expect((await reader.next()).includes('event: event')).toBe(true);
    expect(reads).toBe(1);
    await reader.cancel();
    expect(t.parts.streams.count()).toBe(0);
    expect(reads).toBe(1);
  } finally {
    database.query = query;
  }
});

test('a reader that was dropped as too slow is told so when it comes back', async () => {
  const parts = makeHttpParts(t.app, { slowReaderMs: 1 });
  const http = buildHttp(t.app, parts);
  const reader = byPieces(await http.request(...toRequest(`${STREAM}?after=0`)));
  await reader.next();
  await eventually(async () => parts.streams.count() === 0);
  expect((await reader.next()).includes('event: error\ndata: {"code":"slow_reader"')).toBe(true);
  expect(await reader.next()).toBe('');
  parts.close();
});

/** Reads piece by piece and never ahead, so that a test decides when the next one is taken. */
function byPieces(response: Response) {
  const reader = response.body?.getReader();
  return {
    next: async () => new TextDecoder().decode((await reader?.read())?.value),
    cancel: async () => {
      await reader?.cancel();
    },
  };
}

test.each(['after=-1', 'after=x', 'after=1&after=2', 'limit=5', 'kind=a%20b', 'entity=nothing'])(
  'a query of %s is refused',
  async (query) => {
    expect((await t.request(`${STREAM}?${query}`)).status).toBe(400);
  },
);

test('a Last-Event-ID that is none is refused', async () => {
  expect((await t.request(STREAM, { headers: { 'last-event-id': 'x' } })).status).toBe(400);
});

test("one agent's key has five streams at most, and leaves room for the others", async () => {
  const server = await t.serve();
  const key = await t.key({ scopes: ['read'], agent_id: 'qa' });
  const streams = [];
  for (let n = 0; n < 5; n++) {
    const stream = await openRawStream(server.port, STREAM, [`Authorization: Bearer ${key}`]);
    await stream.until((text) => text.includes('the log of opsloop'));
    streams.push(stream);
  }
  const headers = { authorization: `Bearer ${key}` };
  expect((await fetch(`${server.url}${STREAM}`, { headers })).status).toBe(429);
  const operator = await openRawStream(server.port, STREAM);
  await operator.until((text) => text.includes('the log of opsloop'));
  for (const stream of [...streams, operator]) stream.socket.destroy();
});

test('a place beyond the end of the log is refused, for nothing would ever come', async () => {
  const response = await t.request(`${STREAM}?after=999999999`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'invalid_cursor' });
});
