import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { selectHead } from '../../src/events/queries.ts';
import { buildHttp, type HttpApp } from '../../src/http/app.ts';
import { makeHttpParts } from '../../src/http/parts.ts';
import { type HttpServer, serveHttp } from '../../src/http/serve.ts';
import { silentLog } from '../../src/log.ts';
import { OPERATOR_KEY, problemOf, testConfig, toRequest } from '../support/app.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, proposer, sealAll } from '../support/loop.ts';
import { idsIn, openRawStream } from './raw.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const db = useDatabase();
const PARTS = { worker: false, heartbeat: false, files: false };
let proxy: TcpProxy;
let app: App;
let http: HttpApp;
let server: HttpServer;

beforeAll(async () => {
  proxy = await startTcpProxy(db.url);
  app = createApp({ config: testConfig(), databaseUrl: proxy.url, log: silentLog(), parts: PARTS });
  await app.ready;
  http = buildHttp(app, makeHttpParts(app));
  server = await serveHttp(app, { host: '127.0.0.1', port: 0, http: { pingMs: 20 } });
});
afterAll(async () => {
  await server.close();
  await app.stop();
  await proxy.cut();
});

test('before the database has answered, everything that needs it is 503 and says when to come back', async () => {
  const nowhere = createApp({
    config: testConfig(),
    databaseUrl: 'postgres://opsloop@127.0.0.1:1/opsloop',
    log: silentLog(),
    parts: PARTS,
  });
  const early = buildHttp(nowhere, makeHttpParts(nowhere));
  for (const path of [
    '/api/ops/proposals',
    '/api/ops/events/stream',
    '/metrics',
    '/openapi.json',
    '/nothing',
  ]) {
    for (const key of [OPERATOR_KEY, null]) {
      const response = await early.request(...toRequest(path, { key }));
      expect([path, response.status]).toEqual([path, 503]);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await problemOf(response)).code).toBe('database_unavailable');
    }
  }
  const status = await early.request(...toRequest('/api/status', { key: null }));
  expect(await status.json()).toEqual({ active: false });
  expect((await early.request(...toRequest('/', { key: null }))).status).toBe(200);
  await nowhere.stop();
});

test('a database without room is a 503 that says so', async () => {
  await db.database.query(`create function test_full() returns trigger language plpgsql as $$ begin
    raise exception 'could not extend file' using errcode = '53100'; end $$`);
  await db.database.query(
    'create trigger test_full before insert on ops_proposals for each row execute function test_full()',
  );
  const json = { agent_id: 'pm', kind: 'analysis', title: 'Look' };
  const answer = await http.request(...toRequest('/api/ops/proposals', { method: 'POST', json }));
  await db.database.query('drop trigger test_full on ops_proposals');
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await problemOf(answer)).toMatchObject({
    code: 'database_unavailable',
    detail: expect.stringContaining('The disk of PostgreSQL is full (53100): free some of it.'),
  });
});

test('a database that goes away is a 503, and an open stream goes on where it was when it is back', async () => {
  const stream = await openRawStream(server.port, '/api/ops/events/stream?after=0');
  await stream.until((text) => text.includes(': ping'));
  await proposer(db.database)();

  await proxy.cut();
  const wish = { agent_id: 'pm', kind: 'analysis', title: 'Look' };
  const answers = await Promise.all([
    http.request(...toRequest('/api/ops/proposals')),
    http.request(...toRequest('/api/ops/proposals', { method: 'POST', json: wish })),
    http.request(...toRequest('/api/ops/health')),
    http.request(...toRequest('/metrics')),
    http.request(...toRequest('/api/ops/proposals', { key: `ops_AAAAAAAA_${'x'.repeat(43)}` })),
  ]);
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await problemOf(answer)).code).toBe('database_unavailable');
  }
  await proposer(db.database)();

  await proxy.restore();
  await eventually(async () => (await http.request(...toRequest('/api/ops/proposals'))).status === 200);
  await sealAll(db.database);
  const { seq: last } = await selectHead(db.database);
  const text = await stream.until((received) => idsIn(received).includes(last));
  expect(idsIn(text)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  stream.socket.destroy();
});
