import { expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { followEvents } from '../../src/events/events.ts';
import { readHealth } from '../../src/health/health.ts';
import { testConfig } from '../support/app.ts';
import { addressOf, directAddressOf, useDatabase } from '../support/database.ts';
import { keepingLog } from '../support/log.ts';
import { eventually, openPolicy, proposer, sealAll } from '../support/loop.ts';
import { makeHome, runProgram } from '../support/process.ts';
import { handles, missionEnds, useLlm, useWorker } from '../support/worker.ts';

const db = useDatabase();

/** LISTEN is accepted there, and what is notified in the test's database never arrives. */
const elsewhere = () => directAddressOf('postgres');

function useListening(listenUrl: string | null) {
  const { log, warnings } = keepingLog();
  const database = openDatabase(db.url, { log, max: 8, listenUrl, preparedStatements: false });
  onTestFinished(() => database.close());
  return { database, warnings };
}

function countHints({ hints }: Database): () => number {
  let count = 0;
  hints.on('policy', () => count++);
  return () => count;
}

const listeners = () =>
  db.database.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'opsloop hints'`,
  );

test('hints of another process arrive, and we listen from when one of our own did', async () => {
  const { database } = useListening(db.directUrl);
  const hints = countHints(database);
  expect(database.hints.listening()).toBe(false);
  await eventually(async () => database.hints.listening());
  expect(hints()).toBe(1);
  db.open(1).hints.tell('policy');
  await eventually(async () => hints() === 2);
  expect(database.hints.trouble()).toBeNull();
});

test('a connection that breaks is made again, and everybody looks once', async () => {
  const { database } = useListening(db.directUrl);
  const hints = countHints(database);
  await eventually(async () => database.hints.listening());
  await db.database.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [
    (await listeners()).map(({ pid }) => pid),
  ]);
  await eventually(async () => hints() === 2);
  expect(database.hints.listening()).toBe(true);
});

test('where nothing arrives it is noticed, said once with what to do, and polling takes over', async () => {
  const { database, warnings } = useListening(elsewhere());
  await openPolicy(db.database);
  const llm = await useLlm(db.database);
  await useWorker(database, { llm, handlers: { analyze: handles(() => ({ output: 'done' })) } });
  await eventually(async () => database.hints.trouble());
  expect(database.hints.listening()).toBe(false);
  expect(warnings).toEqual([expect.stringContaining('OPSLOOP_LISTEN_URL')]);

  const { mission } = await proposer(db.database)();
  expect(await missionEnds(db.database, mission?.mission.id)).toMatchObject({ status: 'completed' });

  const until = new AbortController();
  const log = followEvents(database, { kind: 'mission.completed' }, 0, until.signal);
  const next = log.next();
  await sealAll(db.database);
  expect((await next).value).toMatchObject({ events: [{ entity_id: mission?.mission.id }] });
  until.abort();
  await log.return(undefined);

  const { database: found, problems } = await readHealth(database, llm, testConfig(), null);
  expect(found.hints).toBe(false);
  expect(problems.join()).toMatch(/LISTEN is accepted and nothing arrives.*OPSLOOP_LISTEN_URL/);
});

test('an address that does not answer, or refuses, is a trouble with its reason', async () => {
  const away = useListening('postgres://nobody:x@127.0.0.1:1/none');
  away.database.hints.on('policy', () => undefined);
  expect(await eventually(async () => away.database.hints.trouble())).toContain('ECONNREFUSED');
  const missing = useListening(addressOf('no_such_database'));
  missing.database.hints.on('policy', () => undefined);
  expect(await eventually(async () => missing.database.hints.trouble())).toMatch(
    /database.*no_such_database/,
  );
});

test('an operator can do without LISTEN', async () => {
  await eventually(async () => (await listeners()).length === 0);
  const { database, warnings } = useListening(null);
  const hints = countHints(database);
  database.hints.tell('policy');
  expect(hints()).toBe(1);
  expect(await listeners()).toEqual([]);
  expect(database.hints.listening()).toBe(false);
  expect(database.hints.trouble()).toBeNull();
  expect(warnings).toEqual([]);
});

test('doctor tries it, and says what to do', async () => {
  await using home = await makeHome();
  const hintsOf = async (env: Record<string, string>) => {
    const { stdout } = await runProgram(['doctor', '--json'], {
      OPSLOOP_HOME: home.path,
      DATABASE_URL: db.url,
      ...env,
    });
    const { checks } = JSON.parse(stdout) as { checks: { name: string }[] };
    return checks.find(({ name }) => name === 'hints');
  };
  expect(await hintsOf({ OPSLOOP_LISTEN_URL: db.directUrl })).toMatchObject({ state: 'ok' });
  expect(await hintsOf({ OPSLOOP_LISTEN_URL: 'none' })).toMatchObject({ state: 'ok' });
  expect(await hintsOf({ OPSLOOP_LISTEN_URL: elsewhere() })).toMatchObject({
    state: 'warning',
    todo: expect.stringContaining('OPSLOOP_LISTEN_URL'),
  });
});
