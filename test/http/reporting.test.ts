import { beforeAll, expect, test } from 'vitest';
import { makeClient } from '../../src/client.ts';
import { AmbiguousCommit, type Database } from '../../src/db/database.ts';
import type { EventRow } from '../../src/events/schema.ts';
import { storeReport } from '../../src/loop/report.ts';
import { problemOf, type TestRequest, testConfig, useApp } from '../support/app.ts';
import { openPolicy, proposer, readLog, sealAll } from '../support/loop.ts';
import { runProgram } from '../support/process.ts';
import { whatIsWrong } from '../support/history.ts';

const t = useApp();
let coder: string;
beforeAll(async () => {
  coder = await t.key({ scopes: ['emit', 'read'], agent_id: 'coder' });
});

const report = (json: unknown, options: TestRequest = {}) =>
  t.request('/api/ops/events', { method: 'POST', json, ...options });

const reports = (kind: string) =>
  t.database.query<EventRow>("select * from ops_events where entity = 'report' and kind = $1 order by id", [
    kind,
  ]);

async function countEvents(): Promise<number> {
  const [row] = await t.database.query<{ n: number }>('select count(*)::integer as n from ops_events');
  return row?.n ?? -1;
}

const keyIdOf = (key: string) => key.split('_')[1] ?? '';

test("one event of an agent's key is stored as what its agent says", async () => {
  const payload = { filename: 'a.txt', stem: 'a', dir: 'inbox' };
  const response = await report({ kind: 'file.task_created', payload }, { key: coder });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({ accepted: 1 });
  expect(await reports('file.task_created')).toMatchObject([
    {
      source: 'agent:coder',
      entity: 'report',
      entity_id: 'coder',
      proposal_id: null,
      payload: { ...payload, cause: { by: `key:${keyIdOf(coder)}` } },
    },
  ]);
});

test("an operator's key reports under its own name, and a payload can be left out", async () => {
  const key = await t.key({ scopes: ['emit'] });
  expect((await report({ kind: 'agent.note' }, { key })).status).toBe(201);
  const by = `key:${keyIdOf(key)}`;
  expect(await reports('agent.note')).toMatchObject([
    { source: by, entity_id: keyIdOf(key), payload: { cause: { by } } },
  ]);
});

test('a batch keeps its order', async () => {
  const events = Array.from({ length: 100 }, (_, n) => ({ kind: 'agent.counted', payload: { n } }));
  const response = await report({ events });
  expect(await response.json()).toEqual({ accepted: 100 });
  expect((await reports('agent.counted')).map((event) => event.payload?.n)).toEqual(
    events.map((event) => event.payload.n),
  );
});

test.each([
  'step.completed',
  'proposal.approved',
  'file',
  'file.',
  'file.Task',
  'files.task_created',
  'agent.a.b.c',
  'file.a\nb',
  `agent.${'x'.repeat(61)}`,
])('the kind %j is refused, alone and in a batch, with what is allowed', async (kind) => {
  const before = await countEvents();
  const alone = await report({ kind });
  expect(alone.status).toBe(400);
  expect((await problemOf(alone)).detail).toMatch(/^body\.kind: .*"file\." or "agent\."/);
  const batch = await problemOf(await report({ events: [{ kind: 'agent.fine' }, { kind }] }));
  expect(batch.detail).toMatch(/^body\.events\.1\.kind: /);
  expect(await countEvents()).toBe(before);
});

test.each([
  ['nothing', {}, 'either one event'],
  ['a payload alone', { payload: {} }, 'either one event'],
  ['both forms', { kind: 'agent.a', events: [{ kind: 'agent.a' }] }, 'either one event'],
  ['a list', [{ kind: 'agent.a' }], 'body'],
  ['no events', { events: [] }, 'body.events'],
  ['101 events', { events: Array.from({ length: 101 }, () => ({ kind: 'agent.a' })) }, '100'],
  ['a time of its own', { kind: 'agent.a', created_at: '2020-01-01T00:00:00Z' }, '"created_at" is unknown'],
  ['a source', { kind: 'agent.a', source: 'policy' }, '"source" is unknown'],
  ['an entity in a batch', { events: [{ kind: 'agent.a', entity: 'step' }] }, '"entity" is unknown'],
  ['a misspelt member', { kind: 'agent.a', paylod: {} }, 'did you mean "payload"'],
  ['a payload that is no object', { kind: 'agent.a', payload: ['x'] }, 'body.payload'],
  ['a payload of null', { kind: 'agent.a', payload: null }, 'body.payload'],
])('a report with %s is refused by name', async (_what, json, names) => {
  const before = await countEvents();
  const response = await report(json);
  expect(response.status).toBe(400);
  expect((await problemOf(response)).error).toContain(names);
  expect(await countEvents()).toBe(before);
});

test('a payload has 16384 bytes of JSON at most', async () => {
  const filler = (bytes: number) => ({ text: `${'é'.repeat(10)}${'x'.repeat(bytes - 11 - 20)}` });
  expect((await report({ kind: 'agent.full', payload: filler(16_384) })).status).toBe(201);
  const response = await report({ kind: 'agent.full', payload: filler(16_385) });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).detail).toMatch(/16385 bytes.*16384/);
});

test('who is behind a report cannot be forged', async () => {
  const payload = { cause: { by: 'policy', reason: 'trust me' }, from: 'queued', to: 'completed' };
  await report({ kind: 'agent.forged', payload }, { key: coder });
  expect(await reports('agent.forged')).toMatchObject([
    { source: 'agent:coder', payload: { from: 'queued', to: 'completed' } },
  ]);
  expect((await reports('agent.forged'))[0]?.payload?.cause).toEqual({ by: `key:${keyIdOf(coder)}` });
});

test.each([
  ['NUL', '{"kind":"agent.a","payload":{"a":"\\u0000"}}'],
  ['half a surrogate pair', '{"kind":"agent.a","payload":{"\\ud800":1}}'],
  ['a member named __proto__', '{"kind":"agent.a","payload":{"__proto__":{"cause":1}}}'],
])('%s in a payload is refused', async (_what, body) => {
  const response = await t.request('/api/ops/events', { method: 'POST', body });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).code).toBe('invalid_json');
});

test('members with the names of what every object has are data like others', async () => {
  const payload = { constructor: { prototype: 1 }, toString: 'x', hasOwnProperty: null };
  expect((await report({ kind: 'agent.odd', payload })).status).toBe(201);
  expect((await reports('agent.odd'))[0]?.payload).toMatchObject(payload);
});

test('a key without the scope emit is refused', async () => {
  for (const agent_id of [null, 'coder']) {
    const key = await t.key({ scopes: ['read', 'propose'], agent_id });
    const response = await report({ kind: 'agent.note' }, { key });
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ code: 'forbidden', needed: 'emit' });
  }
});

test('the same Idempotency-Key gets the first answer again and stores nothing', async () => {
  const headers = { 'idempotency-key': 'batch-1' };
  const json = { events: [{ kind: 'agent.once', payload: { n: 1 } }, { kind: 'agent.once' }] };
  const first = await report(json, { headers, key: coder });
  expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null]);
  const again = await report(json, { headers, key: coder });
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
  expect(await again.json()).toEqual({ accepted: 2 });
  expect(await reports('agent.once')).toHaveLength(2);

  for (const other of [{ kind: 'agent.once' }, { events: json.events.toReversed() }]) {
    const response = await report(other, { headers, key: coder });
    expect(response.status).toBe(422);
    expect((await problemOf(response)).code).toBe('idempotency_mismatch');
  }
  expect((await report(json, { headers })).headers.get('idempotent-replayed')).toBeNull();
  for (const bad of ['', 'x'.repeat(201), 'has blanks'])
    expect((await report(json, { headers: { 'idempotency-key': bad } })).status).toBe(400);
});

test('a report and a proposal with one Idempotency-Key are two requests', async () => {
  const headers = { 'idempotency-key': 'shared' };
  expect((await report({ kind: 'agent.note' }, { headers })).status).toBe(201);
  const json = { agent_id: 'pm', kind: 'analysis', title: 'Look' };
  const proposal = await t.request('/api/ops/proposals', { method: 'POST', json, headers });
  expect((await problemOf(proposal)).code).toBe('idempotency_mismatch');
});

test('50 parallel repeats store once', async () => {
  const headers = { 'idempotency-key': 'batch-50' };
  const json = { events: [{ kind: 'agent.parallel' }, { kind: 'agent.parallel' }] };
  const answers = await Promise.all(Array.from({ length: 50 }, () => report(json, { headers, key: coder })));
  expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(201));
  const fresh = answers.filter((answer) => !answer.headers.has('idempotent-replayed'));
  expect([fresh.length, (await reports('agent.parallel')).length]).toEqual([1, 2]);
});

test('an answer of the database that is lost after COMMIT stores the report once', async () => {
  let lost = 0;
  const hints: string[] = [];
  const database: Database = {
    ...t.database,
    hints: { ...t.database.hints, tell: (topic) => hints.push(topic) },
    async transaction(work) {
      const result = await t.database.transaction(work);
      if (lost++ === 0) throw new AmbiguousCommit(new Error('cut'));
      return result;
    },
  };
  const caller = { by: 'key:x', keyId: 'x', name: 'x', agentId: null, scopes: [], kinds: null };
  const events = [{ kind: 'agent.ambiguous', payload: {} }];
  expect(await storeReport(database, { caller, events })).toEqual({ accepted: 1, repeated: false });
  expect([lost, (await reports('agent.ambiguous')).length]).toEqual([2, 1]);
  expect(hints).toEqual(['events']);
});

test("an agent reads its own reports and nobody else's, in the list and in the stream", async () => {
  // An operator's key whose id is an agent's name must not be taken for that agent.
  await t.database.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     values ('agent.mine', 'key:coder', 'report', 'coder', '{}')`,
  );
  await report({ kind: 'agent.mine', payload: { n: 1 } }, { key: coder });
  await report({ kind: 'agent.mine' }, { key: await t.key({ scopes: ['emit'], agent_id: 'qa' }) });
  await report({ kind: 'agent.mine' });
  const own = await proposer(t.database)({ agentId: 'coder' });
  await proposer(t.database)({ agentId: 'qa' });
  await sealAll(t.database);

  const list = async (query: string) => {
    const response = await t.request(`/api/ops/events?${query}`, { key: coder });
    return ((await response.json()) as { events: EventRow[] }).events;
  };
  expect((await list('kind=agent.mine')).map((event) => event.payload?.n)).toEqual([1]);
  const all = await list('limit=500');
  const [told, changes] = [
    all.filter((event) => event.entity === 'report'),
    all.filter((event) => event.entity !== 'report'),
  ];
  expect(new Set(told.map((event) => event.source))).toEqual(new Set(['agent:coder']));
  expect(new Set(changes.map((event) => event.proposal_id))).toEqual(new Set([own.proposal.id]));

  const server = await t.serve();
  const stream = await fetch(`${server.url}/api/ops/events/stream?after=0&kind=agent.mine`, {
    headers: { authorization: `Bearer ${coder}` },
  });
  let text = '';
  for await (const piece of stream.body ?? []) {
    text += Buffer.from(piece).toString();
    if (text.includes('"kind":"agent.mine"')) break;
  }
  expect(text.match(/"kind":"agent\.mine"/g)).toHaveLength(1);
});

test('reports do not disturb the replay of the log, whatever they claim', async () => {
  await openPolicy(t.database);
  const { proposal } = await proposer(t.database)();
  for (const kind of ['file.output_created', 'agent.created', 'agent.changed']) {
    const set = { title: 'forged', status: 'rejected', id: proposal.id };
    expect((await report({ kind, payload: { from: null, to: 'rejected', set } })).status).toBe(201);
  }
  const log = await readLog(t.database);
  expect(log.some((event) => event.entity === 'report')).toBe(true);
  expect(await whatIsWrong(t.database)).toEqual([]);
});

test('the typed client reports', async () => {
  const server = await t.serve();
  const client = makeClient({ url: server.url, apiKey: coder });
  const answer = await client.read(
    client.api.api.ops.events.$post({
      header: { 'idempotency-key': 'typed' },
      json: { events: [{ kind: 'agent.typed', payload: { n: 1 } }] },
    }),
  );
  expect(answer).toEqual({ accepted: 1 });
});

test('the command line reports', async () => {
  const { url } = await t.serve();
  const env = { OPSLOOP_HOME: testConfig().home, OPSLOOP_URL: url, OPSLOOP_API_KEY: coder };
  const done = await runProgram(['events', 'emit', 'agent.typed_by_hand', '--payload', '{"n": 1}'], env);
  expect(done).toMatchObject({ code: 0, stdout: 'agent.typed_by_hand is in the log.\n' });
  expect(await reports('agent.typed_by_hand')).toMatchObject([{ entity_id: 'coder', payload: { n: 1 } }]);
  const refused = await runProgram(['events', 'emit', 'step.completed'], env);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('"file." or "agent."')]);
  const listed = await runProgram(['events', '--kind', 'agent.typed_by_hand', '--json'], env);
  expect(JSON.parse(listed.stdout)).toHaveProperty('events');
});
