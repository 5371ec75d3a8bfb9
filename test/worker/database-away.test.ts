import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { StepError } from '../../src/worker/handler.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  callsOf,
  clearQueue,
  eventsOf,
  gate,
  stepIs,
  tokensOf,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

type Line = {
  database: Database;
  /** Nobody gets through until it is opened again. */
  close(): void;
  open(): void;
  /** Cuts the connection right after a COMMIT that follows this text was passed on, so many times. */
  cutAfterCommitOf(text: string, times: number): void;
  cuts(): number;
  /** Resolves when a transaction of the worker has met the closed line. */
  met(): Promise<void>;
};

/** A line to PostgreSQL that can be cut. */
async function useLine(): Promise<Line> {
  const target = new URL(db.url);
  const sockets = new Set<Socket>();
  let closed = false;
  let left = 0;
  let cuts = 0;
  let watched = '';
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let seen = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        // What was passed on is still worked; only the answer is lost.
        upstream.end();
      });
    }
    if (closed) client.destroy();
    client.on('data', (data) => {
      upstream.write(data);
      if (watched !== '' && data.includes(watched)) seen = true;
      if (!seen || left === 0 || !data.includes('commit')) return;
      left--;
      cuts++;
      client.destroy();
    });
    upstream.on('data', (data) => void client.write(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(db.url);
  url.port = String((server.address() as AddressInfo).port);
  // Prepared statements are sent by their name alone; the text is what the line watches for.
  const options = { log: silentLog(), max: 4, queryTimeoutMs: 2_000, preparedStatements: false };
  const database = openDatabase(url.href, options);
  const meeting = gate();
  const { transaction } = database;
  database.transaction = async (work) => {
    try {
      return await transaction(work);
    } catch (error) {
      if (closed) meeting.open();
      throw error;
    }
  };
  const line: Line = {
    database,
    close() {
      closed = true;
      for (const socket of sockets) socket.destroy();
    },
    open() {
      closed = false;
    },
    cutAfterCommitOf(text, times) {
      watched = text;
      left = times;
    },
    cuts: () => cuts,
    met: () => meeting.opened,
  };
  onTestFinished(async () => {
    line.open();
    await database.close();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return line;
}

async function start() {
  const ollama = await useOllama();
  // What the test looks at and what the models remember does not go over the line.
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  const line = await useLine();
  return {
    ollama,
    llm,
    line,
    stepId: mission?.steps[0]?.id ?? '',
    before: await tokensOf(db.database, 'tokens'),
  };
}

async function keptOnce(stepId: string, before: number): Promise<void> {
  expect(await callsOf(db.database, stepId)).toHaveLength(1);
  expect(await tokensOf(db.database, 'tokens')).toBe(before + 19);
  expect(await eventsOf(db.database, stepId, 'model.called')).toHaveLength(1);
  expect(await eventsOf(db.database, stepId, 'step.late_result')).toEqual([]);
}

test('an answer that comes while the database is away is kept when it is back, once', async () => {
  const at = await start();
  const token = gate();
  at.ollama.next({ until: token.opened, text: 'Worth waiting for.' });
  await useWorker(at.line.database, { llm: at.llm });
  await at.ollama.request();
  at.line.close();
  token.open();
  await at.line.met();
  at.line.open();
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 1, failures: 0, output: { text: 'Worth waiting for.' } });
  await keptOnce(at.stepId, at.before);
  expect(at.ollama.exchanges).toHaveLength(1);
});

test('an answer that comes while the disk of the database is full is kept when there is room, once', async () => {
  const at = await start();
  // What a sequence counts is not rolled back.
  await db.database.query('create sequence test_met');
  await db.database.query(`create function test_full() returns trigger language plpgsql as $$ begin
    perform nextval('test_met');
    raise exception 'could not extend file' using errcode = '53100'; end $$`);
  await db.database.query(
    `create trigger test_full before update on ops_steps for each row when (new.status <> 'running')
     execute function test_full()`,
  );
  const worker = await useWorker(at.line.database, { llm: at.llm });
  await (await at.ollama.request()).closed;
  // It has what it was asked for, and nobody can keep it, however often it is tried.
  await eventually(async () => {
    const [met] = await db.database.query<{ n: number }>('select last_value as n from test_met');
    return (met?.n ?? 0) >= 3;
  });
  expect(worker.holds()).toBe(1);
  await db.database.query('drop trigger test_full on ops_steps');
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 1, failures: 0 });
  await keptOnce(at.stepId, at.before);
});

test('a completion whose COMMIT was not answered is kept once, and so are its tokens', async () => {
  const at = await start();
  at.ollama.next({ text: 'Once.' });
  at.line.cutAfterCommitOf('ops_llm_calls', 2);
  const worker = await useWorker(at.line.database, { llm: at.llm });
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 1, output: { text: 'Once.' } });
  // It is through only when the worker knows.
  await eventually(async () => worker.holds() === 0);
  expect(at.line.cuts()).toBeGreaterThan(0);
  expect(await eventsOf(db.database, at.stepId, 'step.completed')).toHaveLength(1);
  await keptOnce(at.stepId, at.before);
});

test('a failure whose COMMIT was not answered is kept once, with its output and its tokens', async () => {
  const at = await start();
  at.ollama.next({ text: 'Bad.' });
  at.line.cutAfterCommitOf('ops_llm_calls', 2);
  const worker = await useWorker(at.line.database, {
    llm: at.llm,
    handlers: {
      analyze: {
        usesModel: true,
        slots: 1,
        async run({ complete }) {
          const { text } = await complete({ system: 's', prompt: 'p' });
          throw new StepError('by_design', 'it had to', { final: true, output: { text } });
        },
      },
    },
  });
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'failed');
  expect(step).toMatchObject({ attempt: 1, failures: 1, output: { text: 'Bad.' } });
  await eventually(async () => worker.holds() === 0);
  expect(at.line.cuts()).toBeGreaterThan(0);
  expect(await eventsOf(db.database, at.stepId, 'step.failed')).toHaveLength(1);
  await keptOnce(at.stepId, at.before);
});

test('a failure that comes while the database is away is kept when it is back', async () => {
  const at = await start();
  const token = gate();
  at.ollama.next({ until: token.opened, text: '' });
  await useWorker(at.line.database, { llm: at.llm });
  await at.ollama.request();
  at.line.close();
  token.open();
  await at.line.met();
  at.line.open();
  const step = await stepIs(db.database, at.stepId, ({ failures }) => failures > 0);
  expect(step).toMatchObject({
    status: 'queued',
    attempt: 1,
    failures: 1,
    failure: { class: 'invalid_output' },
  });
  expect(await callsOf(db.database, at.stepId)).toMatchObject([{ outcome: 'invalid_output' }]);
  expect(at.ollama.exchanges).toHaveLength(1);
});

test('a worker whose connections are all ended by the server goes on', async () => {
  const at = await start();
  const token = gate();
  at.ollama.next({ until: token.opened, text: 'Survived.' });
  const database = db.open(4);
  await useWorker(database, { llm: at.llm });
  await at.ollama.request();
  const ended = await db.database.query<{ pid: number }>(
    `select pid, pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const pids = ended.map(({ pid }) => pid);
  // They end a moment later, and ours may be one that a pooler has passed on.
  await eventually(() =>
    db.database.query('select from pg_stat_activity where pid = any($1::integer[])', [pids]).then(
      (left) => left.length === 0,
      () => false,
    ),
  );
  token.open();
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 1, output: { text: 'Survived.' } });
  const { mission } = await proposer(db.database)();
  await stepIs(db.database, mission?.steps[0]?.id, ({ status }) => status === 'completed');
});
