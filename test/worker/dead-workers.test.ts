import { afterEach, expect, test, vi } from 'vitest';
import { makeQueue } from '../../src/engine/queue.ts';
import { registerWorker } from '../../src/engine/workers.ts';
import { silentLog } from '../../src/log.ts';
import { getStep } from '../../src/steps/steps.ts';
import { makeSweeper } from '../../src/worker/sweep.ts';
import { useDatabase } from '../support/database.ts';
import { claimFrom, eventually, openPolicy, proposer, testWorker } from '../support/loop.ts';
import {
  callsOf,
  clearQueue,
  eventsOf,
  handles,
  onlyAnalyze,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();
afterEach(() => void vi.restoreAllMocks());

async function declareDead(workerId: string): Promise<void> {
  await db.database.query(
    `update ops_workers set ended_at = clock_timestamp(), ended_as = 'died' where worker_id = $1`,
    [workerId],
  );
}

/** A worker that claimed a step and was never heard of again. */
async function vanished(): Promise<{ workerId: string; stepId: string }> {
  await openPolicy(db.database);
  await clearQueue(db.database);
  await proposer(db.database)();
  const worker = await testWorker(db.database);
  const { id } = await worker.claimOne();
  await db.database.query(
    `update ops_workers set lease_expires_at = clock_timestamp() - interval '1 minute' where worker_id = $1`,
    [worker.workerId],
  );
  return { workerId: worker.workerId, stepId: id };
}

async function sweeps(): Promise<
  { status: string; details: { workers: string[] }; beat_id: string | null }[]
> {
  return db.database.query(
    `select status, details, beat_id from ops_action_runs where action = 'recoverDeadWorkers' order by id`,
  );
}

test('a worker that is alive takes over what a dead one held, and the sweep is recorded when it acted only', async () => {
  const llm = await useLlm(db.database, { mode: 'none' });
  const { workerId, stepId } = await vanished();
  const before = await sweeps();
  const alive = await useWorker(db.database, {
    llm,
    handlers: onlyAnalyze(() => ({ output: 'taken over' })),
  });
  // A server that has just started gives every lease one fresh period, so this can take 10 s.
  const step = await eventually(async () => {
    const row = await getStep(db.database, stepId);
    return row.status === 'completed' && row;
  });
  expect(step).toMatchObject({ attempt: 2, failures: 1, worker_id: alive.id(), output: 'taken over' });
  expect(step.failure).toMatchObject({ class: 'worker_died', message: expect.stringContaining(workerId) });
  expect(await eventsOf(db.database, workerId, 'worker.died')).toHaveLength(1);

  expect(before).toEqual([]);
  expect(await sweeps()).toEqual([
    { status: 'ok', beat_id: null, details: { workers: [workerId], requeued: 1, failed: 0 } },
  ]);
  const sweep = makeSweeper(db.database, silentLog());
  expect(await sweep()).toBe(false);
  expect(await sweeps()).toHaveLength(1);
});

test('a worker that is declared dead while it lives drops its work and starts over under a new id', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  const stepId = mission?.steps[0]?.id;
  ollama.next({ text: 'Half', hang: 'mid-stream' });
  const worker = await useWorker(db.database, { llm });
  const exchange = await ollama.request();
  let overBefore: boolean | undefined;
  ollama.on('qwen3:latest', () => {
    overBefore = exchange.abandoned;
    return { text: 'Whole.' };
  });
  const oldId = worker.id();
  await declareDead(oldId);
  db.database.hints.tell('policy');

  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
  const newId = await eventually(async () => worker.id() !== oldId && worker.id());
  const step = await stepIs(db.database, stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 2, failures: 1, worker_id: newId, output: { text: 'Whole.' } });
  // No token is spent on the old attempt once it is known to be lost.
  expect(overBefore).toBe(true);
  expect(await callsOf(db.database, stepId)).toMatchObject([{ outcome: 'aborted' }, { outcome: 'stop' }]);
  const rows = await db.database.query(
    'select worker_id, ended_as from ops_workers where worker_id = any($1) order by started_at',
    [[oldId, newId]],
  );
  expect(rows).toEqual([
    { worker_id: oldId, ended_as: 'died' },
    { worker_id: newId, ended_as: null },
  ]);
  await worker.stop(0);
  expect(await eventsOf(db.database, newId, 'worker.stopped')).toHaveLength(1);
});

test('claims that a worker does not know of are given back by it', async () => {
  const llm = await useLlm(db.database, { mode: 'none' });
  await openPolicy(db.database);
  await clearQueue(db.database);
  // It works another kind only, so nobody but the test claims the step.
  const worker = await useWorker(db.database, { llm, handlers: { other: handles(() => ({ output: 1 })) } });
  const { mission } = await proposer(db.database)();
  const stepId = mission?.steps[0]?.id ?? '';
  expect(await claimFrom(makeQueue(db.database), worker.id(), { analyze: 1 })).toHaveLength(1);
  db.database.hints.tell('policy');
  const step = await stepIs(db.database, stepId, ({ status }) => status === 'queued');
  expect(step).toMatchObject({ ready: false, attempt: 1, failures: 0, claim_id: null });
  expect(step.available_at).not.toBeNull();
  expect(await eventsOf(db.database, stepId, 'step.released')).toMatchObject([
    { payload: { cause: { by: worker.id(), reason: 'unknown_to_worker' } } },
  ]);
});

test('after a gap of its own the sweep waits one lease before it declares anybody dead', async () => {
  await openPolicy(db.database);
  await clearQueue(db.database);
  let now = 1_000_000;
  const sweep = makeSweeper(db.database, silentLog(), {
    watch: () => Promise.resolve({ ms: now, any_dead: true }),
  });
  /** A step whose worker ended without a word: what a sweep takes back whatever the age of the server. */
  const orphan = async (): Promise<string> => {
    await proposer(db.database)();
    const workerId = `gone-${Math.random()}`;
    await registerWorker(db.database, { workerId, host: 'h', pid: 1, version: '0', kinds: {} });
    const [claim] = await claimFrom(makeQueue(db.database), workerId, { analyze: 1 });
    await declareDead(workerId);
    return claim?.id ?? '';
  };
  const at = async (ms: number): Promise<boolean> => {
    now += ms;
    return sweep();
  };
  await orphan();
  expect(await at(3_000)).toBe(true);

  await orphan();
  // Asleep for 7 s: the first sweeps do nothing, for one lease.
  expect(await at(7_000)).toBe(false);
  expect(await at(3_000)).toBe(false);
  expect(await at(3_000)).toBe(false);
  expect(await at(3_000)).toBe(false);
  expect(await at(1_001)).toBe(true);

  // A database that was away is a gap too, however short.
  await orphan();
  const broken = vi.spyOn(db.database, 'transaction').mockRejectedValueOnce(new Error('away'));
  await expect(at(3_000)).rejects.toThrow('away');
  broken.mockRestore();
  expect(await at(3_000)).toBe(false);
  expect(await at(6_000)).toBe(false);
  expect(await at(4_001)).toBe(true);
});
