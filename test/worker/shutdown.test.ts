import { expect, test } from 'vitest';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  clearQueue,
  eventsOf,
  gate,
  onlyAnalyze,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();
/** Longer than any test may take: only a signal can end it. */
const FOREVER = 3_600_000;

async function startOne() {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  return { ollama, llm, stepId: mission?.steps[0]?.id ?? '' };
}

/** A hurry that tells when somebody listens to it, which is when the grace begins. */
function observed(): { hurry: AbortController; inGrace: Promise<void> } {
  const hurry = new AbortController();
  const listening = gate();
  const { addEventListener } = hurry.signal;
  hurry.signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    addEventListener.apply(hurry.signal, given);
    listening.open();
  };
  return { hurry, inGrace: listening.opened };
}

async function endOf(workerId: string): Promise<unknown> {
  const [row] = await db.database.query<{ ended_as: string | null }>(
    'select ended_as from ops_workers where worker_id = $1',
    [workerId],
  );
  return row?.ended_as;
}

async function isGivenBack(stepId: string): Promise<void> {
  expect(await getStep(db.database, stepId)).toMatchObject({
    status: 'queued',
    ready: true,
    attempt: 1,
    failures: 0,
    output: null,
    worker_id: null,
  });
  expect(await eventsOf(db.database, stepId, 'step.released')).toMatchObject([
    { payload: { cause: { reason: 'shutdown' } } },
  ]);
}

test('a call that hangs is aborted after the grace and its step given back', async () => {
  const at = await startOne();
  at.ollama.next({ text: 'Half', hang: 'mid-stream' });
  const worker = await useWorker(db.database, { llm: at.llm });
  const exchange = await at.ollama.request();
  await worker.stop(50);
  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
  await isGivenBack(at.stepId);
  expect(await endOf(worker.id())).toBe('stopped');
  expect(await eventsOf(db.database, worker.id(), 'worker.stopped')).toHaveLength(1);
  expect(worker.holds()).toBe(0);
});

test('what ends within the grace is stored, and nothing more is claimed', async () => {
  const at = await startOne();
  const token = gate();
  at.ollama.next({ until: token.opened, text: 'In time.' });
  const worker = await useWorker(db.database, { llm: at.llm, slots: { analyze: 1 } });
  await at.ollama.request();
  const next = await proposer(db.database)();
  const { hurry, inGrace } = observed();
  const stopping = worker.stop(FOREVER, hurry.signal);
  await inGrace;
  token.open();
  await stopping;
  expect(await getStep(db.database, at.stepId)).toMatchObject({
    status: 'completed',
    output: { text: 'In time.' },
  });
  expect(await getStep(db.database, next.mission?.steps[0]?.id ?? '')).toMatchObject({
    status: 'queued',
    attempt: 0,
  });
  expect(await endOf(worker.id())).toBe('stopped');
});

test('who is in a hurry ends the grace', async () => {
  const at = await startOne();
  at.ollama.next({ hang: 'before-first-token' });
  const worker = await useWorker(db.database, { llm: at.llm });
  const exchange = await at.ollama.request();
  const { hurry, inGrace } = observed();
  const stopping = worker.stop(FOREVER, hurry.signal);
  await inGrace;
  hurry.abort();
  await stopping;
  await exchange.closed;
  await isGivenBack(at.stepId);
});

test('a hurry from before counts too', async () => {
  const at = await startOne();
  at.ollama.next({ hang: 'before-headers' });
  const worker = await useWorker(db.database, { llm: at.llm });
  await at.ollama.request();
  await worker.stop(FOREVER, AbortSignal.abort());
  await isGivenBack(at.stepId);
});

test('a handler that does not listen is left behind, its step given back, its result too late', async () => {
  const at = await startOne();
  const deaf = gate();
  const worker = await useWorker(db.database, {
    llm: at.llm,
    handlers: onlyAnalyze(async () => {
      await deaf.opened;
      return { output: 'much too late' };
    }),
  });
  await stepIs(db.database, at.stepId, ({ status }) => status === 'running');
  await worker.stop(0);
  await isGivenBack(at.stepId);
  expect(await endOf(worker.id())).toBe('stopped');
  deaf.open();
  await eventually(async () => (await eventsOf(db.database, at.stepId, 'step.late_result')).length === 1);
  expect(await getStep(db.database, at.stepId)).toMatchObject({ status: 'queued', output: null });
});

test('stopping twice is stopping once', async () => {
  const { llm } = await startOne();
  const worker = await useWorker(db.database, { llm, slots: { analyze: 0 } });
  await Promise.all([worker.stop(0), worker.stop(0)]);
  expect(await eventsOf(db.database, worker.id(), 'worker.stopped')).toHaveLength(1);
});
