import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { serveHttp } from '../../src/http/serve.ts';
import { revokeKey } from '../../src/keys/keys.ts';
import { useApp } from '../support/app.ts';
import { eventually } from '../support/loop.ts';

// A proxy has a port of its own, which stands in the Host header.
const t = useApp({ env: { OPSLOOP_ALLOWED_HOSTS: '127.0.0.1' } });
const CLIENT = resolve(import.meta.dirname, '../../clients/python');
const AGENT = resolve(import.meta.dirname, '../support/older-agent.py');

const started: ChildProcess[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const close of closing) await close();
});

type Python = { child: ChildProcess; said(): string; ended: Promise<number | null> };

/** A python3 that is not there fails the test. */
async function python(args: string[], env: Record<string, string>): Promise<Python> {
  const child = spawn('python3', ['-u', ...args], {
    env: { ...process.env, PYTHONPATH: CLIENT, PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  await once(child, 'spawn');
  return { child, said: () => said, ended };
}

function makeFolder(tasks: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-older-agent-'));
  for (const name of ['inbox', 'outputs']) mkdirSync(join(folder, name));
  addTasks(folder, tasks);
  return folder;
}

function addTasks(folder: string, tasks: Record<string, string>): void {
  for (const [name, text] of Object.entries(tasks)) writeFileSync(join(folder, 'inbox', name), text);
}

const startAgent = (folder: string, url: string, key: string, env: Record<string, string> = {}) =>
  python([AGENT, folder], { OPSLOOP_URL: url, OPSLOOP_API_KEY: key, ...env });

const stop = (folder: string) => writeFileSync(join(folder, 'stop'), '');
const isDone = (folder: string, ...names: string[]) =>
  eventually(async () => names.every((name) => readdirSync(join(folder, 'inbox')).includes(`${name}.done`)));

type Told = { kind: string; payload: Record<string, unknown> };

/** What the log holds of a key's reports, the oldest first. */
const toldBy = (key: string) =>
  t.database.query<Told>(
    `select kind, payload from ops_events where entity = 'report' and entity_id = $1 order by id`,
    [key.split('_')[1]],
  );

const names = (told: Told[]) =>
  told.map(({ kind, payload }) => `${kind} ${String(payload.filename).replace(/__.*\.md$/, '__time.md')}`);

const lifeOf = (stem: string) => [
  `file.task_started ${stem}.txt`,
  `file.output_created ${stem}__time.md`,
  `file.task_completed ${stem}.txt.done`,
];

/** An address at which nobody listens yet. */
async function makeLaterServer() {
  const gone = await t.serve();
  await gone.close();
  const start = async () => {
    const server = await serveHttp(t.app, { host: '127.0.0.1', port: gone.port });
    closing.push(server.close);
  };
  return { url: gone.url, start };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Stands before the server and, until it is healed, cuts each connection when the answer comes. */
async function makeLosingProxy(port: number) {
  const state = { url: '', isLosing: true, lost: 0 };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
    client.pipe(upstream);
    upstream.on('data', (data) => {
      if (state.isLosing) {
        state.lost++;
        client.destroy();
      } else client.write(data);
    });
  });
  state.url = await listening(server);
  return state;
}

test('an agent tells what it does, in order and once, as whom its key says', async () => {
  const server = await t.serve();
  const key = await t.key({ scopes: ['emit'] });
  const folder = makeFolder({ 'a.txt': 'one', 'b.txt': 'next: c.txt', 'd.txt': 'fail: not today' });
  const agent = await startAgent(folder, server.url, key);
  await isDone(folder, 'a.txt', 'b.txt', 'c.txt');
  stop(folder);
  expect([await agent.ended, agent.said()]).toEqual([0, 'the agent works\nall is sent\n']);

  const told = await toldBy(key);
  expect(names(told)).toEqual([
    ...lifeOf('a'),
    ...lifeOf('b').toSpliced(2, 0, 'file.task_created c.txt'),
    'file.task_started d.txt',
    'file.task_failed d.txt',
    ...lifeOf('c'),
  ]);
  const of = (kind: string) => told.find((one) => one.kind === kind)?.payload;
  const by = { by: `key:${key.split('_')[1]}` };
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/) as string;
  expect(of('file.task_started')).toEqual({ filename: 'a.txt', stem: 'a', dir: 'inbox', at, cause: by });
  expect(of('file.task_completed')).toMatchObject({ filename: 'a.txt.done', stem: 'a', dir: 'inbox' });
  expect(of('file.output_created')).toEqual({ filename: expect.any(String), dir: 'outputs', at, cause: by });
  expect(of('file.task_created')).toMatchObject({ stem: 'c', dir: 'inbox', parent: 'b.txt' });
  expect(of('file.task_failed')).toMatchObject({ reason: 'not today' });
});

test('an agent works on while the server is away, and tells all of it when the server is there', async () => {
  const server = await makeLaterServer();
  const key = await t.key({ scopes: ['emit'] });
  const folder = makeFolder({ 'a.txt': 'one', 'b.txt': 'two' });
  const agent = await startAgent(folder, server.url, key);
  await isDone(folder, 'a.txt', 'b.txt');
  await eventually(async () => agent.said().includes('are kept and tried again'));
  await server.start();
  await eventually(async () => (await toldBy(key)).length === 6);
  stop(folder);
  expect(await agent.ended).toBe(0);
  expect(names(await toldBy(key))).toEqual([...lifeOf('a'), ...lifeOf('b')]);
  expect(agent.said().match(/tried again/g)).toHaveLength(1);
});

test('an answer that is lost after the server stored the batch doubles nothing', async () => {
  const proxy = await makeLosingProxy((await t.serve()).port);
  const key = await t.key({ scopes: ['emit'] });
  const folder = makeFolder({ 'a.txt': 'one', 'b.txt': 'two' });
  const agent = await startAgent(folder, proxy.url, key);
  await isDone(folder, 'a.txt', 'b.txt');
  await eventually(async () => proxy.lost >= 2);
  expect((await toldBy(key)).length).toBeGreaterThan(0);
  proxy.isLosing = false;
  stop(folder);
  expect([await agent.ended, agent.said()]).toEqual([0, expect.stringContaining('all is sent')]);
  expect(names(await toldBy(key))).toEqual([...lifeOf('a'), ...lifeOf('b')]);
});

test('a revoked key stops the telling and not the agent', async () => {
  const server = await t.serve();
  const key = await t.key({ scopes: ['emit'] });
  const folder = makeFolder({ 'a.txt': 'one' });
  const agent = await startAgent(folder, server.url, key, { AGENT_FLUSH: '0.5' });
  await eventually(async () => (await toldBy(key)).length === 3);
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  addTasks(folder, { 'b.txt': 'two' });
  await isDone(folder, 'b.txt');
  await eventually(async () => agent.said().includes('are kept and tried again'));
  stop(folder);
  expect(await agent.ended).toBe(0);
  expect(agent.said()).toContain('The key is not valid');
  expect(agent.said()).toContain('3 event(s) were not sent and are lost');
  expect(agent.said().match(/tried again/g)).toHaveLength(1);
  expect(agent.said()).not.toContain(key.split('_')[2]);
  expect(names(await toldBy(key))).toEqual(lifeOf('a'));
});

test('with a spool, an agent that is killed loses and doubles nothing', async () => {
  const proxy = await makeLosingProxy((await t.serve()).port);
  const key = await t.key({ scopes: ['emit'] });
  const folder = makeFolder({ 'a.txt': 'one', 'b.txt': 'two' });
  const spool = join(folder, 'unsent.jsonl');
  const first = await startAgent(folder, proxy.url, key, { AGENT_SPOOL: spool });
  await isDone(folder, 'a.txt', 'b.txt');
  // The first batch is stored and the agent does not know it.
  await eventually(async () => proxy.lost > 0);
  expect((await toldBy(key)).length).toBeGreaterThan(0);
  first.child.kill('SIGKILL');
  await first.ended;
  expect(statSync(spool).mode & 0o777).toBe(0o600);
  // What a kill in the middle of a write leaves.
  appendFileSync(spool, '{"kind":"file.task_st');

  proxy.isLosing = false;
  addTasks(folder, { 'c.txt': 'three' });
  const second = await startAgent(folder, proxy.url, key, { AGENT_SPOOL: spool });
  await isDone(folder, 'c.txt');
  const rival = await startAgent(folder, proxy.url, key, { AGENT_SPOOL: spool });
  expect(await rival.ended).toBe(1);
  expect(rival.said()).toContain('another process uses the spool');
  stop(folder);
  expect([await second.ended, second.said()]).toEqual([0, 'the agent works\nall is sent\n']);
  expect(names(await toldBy(key))).toEqual([...lifeOf('a'), ...lifeOf('b'), ...lifeOf('c')]);
  expect(readFileSync(spool, 'utf8').split('\n')).toHaveLength(2);
});

test('what is too much while the server is away is dropped from its oldest end and counted', async () => {
  const server = await makeLaterServer();
  const key = await t.key({ scopes: ['emit'] });
  const script = `
import opsloop_events
opsloop_events.MOST_EVENTS = 20
reporter = opsloop_events.Reporter()
for n in range(50): reporter.emit("agent.counted", {"n": n})
print("noted")
print(reporter.flush(20))`;
  const emitter = await python(['-c', script], { OPSLOOP_URL: server.url, OPSLOOP_API_KEY: key });
  await eventually(async () => emitter.said().includes('noted'));
  await server.start();
  expect([await emitter.ended, emitter.said()]).toEqual([0, expect.stringContaining('True')]);
  const told = await toldBy(key);
  const counted = told.filter(({ kind }) => kind === 'agent.counted').map(({ payload }) => Number(payload.n));
  const dropped = told
    .filter(({ kind }) => kind === 'agent.events_dropped')
    .reduce((sum, { payload }) => sum + Number(payload.count), 0);
  // Beside the newest there is what was on its way whenever the limit was reached.
  expect(counted.slice(-20)).toEqual(Array.from({ length: 20 }, (_, n) => 30 + n));
  expect(counted).toEqual(counted.toSorted((a, b) => a - b));
  expect([dropped > 0, counted.length + dropped]).toEqual([true, 50]);
});

test('whatever is told arrives or is named, and one bad event spoils no other', async () => {
  const server = await t.serve();
  const key = await t.key({ scopes: ['emit'] });
  const script = `
import threading
from opsloop_events import Reporter
reporter = Reporter()
reporter.emit("agent.odd", {"name": "a\\udcffb", "nul": "x\\0y", "nan": float("nan"), "big": 2**60, "set": {1}, 7: None})
reporter.emit("agent.odd", {"cause": {"by": "policy"}, "at": "my time"})
reporter.emit("agent.odd", {"text": "x" * 20000})
reporter.emit("agent.odd", "no object")
reporter.emit("agent.odd", {"__proto__": "which no server takes"})
reporter.task_failed("/some/where/a.b.txt", ValueError("x" * 5000))
def count(thread):
    for n in range(200): reporter.emit("agent.counted", {"thread": thread, "n": n})
threads = [threading.Thread(target=count, args=(thread,)) for thread in range(4)]
for one in threads: one.start()
for one in threads: one.join()
for kind in ["step.completed", "file.", "agent.a\\n"]:
    try: reporter.emit(kind)
    except ValueError as error: print(error)
print(reporter.flush(20))
# The end of the program sends this one.
reporter.emit("agent.last")`;
  const emitter = await python(['-c', script], { OPSLOOP_URL: `${server.url}/`, OPSLOOP_API_KEY: key });
  expect(await emitter.ended).toBe(0);
  expect(emitter.said().match(/is no kind/g)).toHaveLength(3);
  expect(emitter.said().match(/refused/g)).toHaveLength(1);
  expect(emitter.said()).toMatch(/refused 1 event\(s\), which are dropped: .* 400 .*__proto__/);
  const told = await toldBy(key);
  expect(told.at(-1)?.kind).toBe('agent.last');
  expect(told.filter(({ kind }) => kind === 'agent.odd').map(({ payload }) => payload)).toMatchObject([
    { name: 'a?b', nul: 'x\ufffdy', nan: 'nan', big: '1152921504606846976', set: '{1}', '7': null },
    { at: 'my time', cause: { by: `key:${key.split('_')[1]}` } },
    { problem: expect.stringContaining('more than') },
    { problem: expect.stringContaining('no JSON') },
  ]);
  const failed = told.find(({ kind }) => kind === 'file.task_failed')?.payload;
  expect(failed).toMatchObject({ filename: 'a.b.txt', stem: 'a.b', reason: 'x'.repeat(2000) });
  const counted = told.filter(({ kind }) => kind === 'agent.counted').map(({ payload }) => payload);
  for (const thread of [0, 1, 2, 3])
    expect(counted.filter((one) => one.thread === thread).map((one) => one.n)).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    );
});

test('a batch is one request over all its tries, and its key goes to the server alone', async () => {
  const strangers: string[] = [];
  const stranger = await listening(
    createHttpServer((request, response) => {
      strangers.push(request.url ?? '');
      response.writeHead(201).end();
    }),
  );
  const answers: [number, Record<string, string>][] = [
    [302, { location: `${stranger}/elsewhere` }],
    [503, { 'retry-after': '1' }],
    [429, { 'retry-after': new Date(Date.now() + 1_000).toUTCString() }],
    [201, {}],
  ];
  const seen: { at: number; key: string; body: string; auth: string }[] = [];
  const url = await listening(
    createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        const { 'idempotency-key': key, authorization: auth = '' } = request.headers;
        seen.push({ at: performance.now(), key: String(key), body, auth });
        response.writeHead(...(answers[seen.length - 1] ?? [500, {}])).end();
      });
    }),
  );
  const script = `
from opsloop_events import Reporter
reporter = Reporter()
reporter.emit("agent.note", {"text": "once"})
print(any(reporter.flush(0.1) for _ in range(200)))`;
  const env = { OPSLOOP_URL: url, OPSLOOP_API_KEY: 'a-key-of-nobody', http_proxy: stranger, no_proxy: '' };
  const emitter = await python(['-c', script], env);
  expect([await emitter.ended, emitter.said()]).toEqual([0, expect.stringContaining('True')]);
  expect(seen).toHaveLength(answers.length);
  expect(new Set(seen.map(({ key, body, auth }) => `${key} ${auth} ${body}`)).size).toBe(1);
  expect(seen[0]).toMatchObject({
    key: expect.stringMatching(/^[\w-]{36}$/),
    auth: 'Bearer a-key-of-nobody',
  });
  expect(strangers).toEqual([]);
  // What the server asks to wait is waited for, also by who flushes.
  expect((seen[2]?.at ?? 0) - (seen[1]?.at ?? 0)).toBeGreaterThan(900);
  expect(emitter.said()).not.toContain('a-key-of-nobody');
});
