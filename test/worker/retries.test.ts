import { expect, test } from 'vitest';
import { getProposal } from '../../src/proposals/proposals.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { getStep } from '../../src/steps/steps.ts';
import { BUILT_IN_HANDLERS } from '../../src/worker/handlers.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import type { Reply } from '../support/ollama-server.ts';
import {
  callsOf,
  clearQueue,
  dueNow,
  eventsOf,
  handles,
  missionEnds,
  stepIs,
  tokensOf,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

async function startOne(...replies: Reply[]) {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url, mode: 'ollama:qwen3' });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { proposal, mission } = await proposer(db.database)();
  ollama.next(...replies);
  const probe = handles(() => ({ output: 'looked' }));
  await useWorker(db.database, { llm, handlers: { ...BUILT_IN_HANDLERS, probe } });
  return { ollama, proposal, missionId: mission?.mission.id, stepId: mission?.steps[0]?.id ?? '' };
}

/** How long after the end of the attempt the next one may begin, by the rows. */
async function waitInMs(stepId: string, kind: 'step.requeued' | 'step.released'): Promise<number> {
  const [row] = await db.database.query<{ ms: number }>(
    `select extract(epoch from (payload ->> 'available_at')::timestamptz - created_at)::float8 * 1000 as ms
     from ops_events where entity_id = $1 and kind = $2 order by id desc limit 1`,
    [stepId, kind],
  );
  return row?.ms ?? Number.NaN;
}

test.each([
  [{ status: 503, error: 'server busy, please try again.' }, 'unavailable', 15_000],
  [{ status: 404, error: "model 'qwen3' not found" }, 'model_missing', 15_000],
] satisfies [Reply, string, number][])(
  'after %j the step waits, and no failure is spent',
  async (reply, errorClass, waitMs) => {
    const at = await startOne(reply);
    const step = await stepIs(db.database, at.stepId, ({ available_at }) => available_at !== null);
    expect(step).toMatchObject({
      status: 'queued',
      ready: false,
      attempt: 1,
      failures: 0,
      worker_id: null,
      failure: { class: errorClass, attempt: 1 },
    });
    const wait = await waitInMs(at.stepId, 'step.released');
    // Never before the time that the server named, and not long after it.
    expect(wait).toBeGreaterThanOrEqual(waitMs);
    expect(wait).toBeLessThanOrEqual(waitMs * 1.5);
    expect(await callsOf(db.database, at.stepId)).toMatchObject([
      { engine: 'unknown', provider: 'ollama', outcome: errorClass, input_tokens: null },
    ]);

    await dueNow(db.database, at.stepId);
    const done = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
    expect(done).toMatchObject({ attempt: 2, failures: 0 });
  },
);

test('a Retry-After holds the step, and the provider with it, for as long as it says', async () => {
  const at = await startOne({ status: 429, error: 'slow down', headers: { 'retry-after': '120' } });
  const step = await stepIs(db.database, at.stepId, ({ available_at }) => available_at !== null);
  expect(step).toMatchObject({
    status: 'queued',
    attempt: 1,
    failures: 0,
    failure: { class: 'rate_limited' },
  });
  const wait = await waitInMs(at.stepId, 'step.released');
  expect(wait).toBeGreaterThanOrEqual(120_000);
  expect(wait).toBeLessThanOrEqual(180_000);

  // Another step of the same provider is not even claimed, while one that needs no model is.
  const next = await proposer(db.database)();
  await openPolicy(db.database, ['probe']);
  await setPolicy(db.database, 'plans', { probe: ['probe'] }, 'test');
  const other = await proposer(db.database)({ kind: 'probe' });
  await missionEnds(db.database, other.mission?.mission.id);
  expect(await getStep(db.database, next.mission?.steps[0]?.id ?? '')).toMatchObject({
    status: 'queued',
    attempt: 0,
  });
  expect(at.ollama.exchanges).toHaveLength(1);
});

test('an error spends a failure each, backs off, and the third one fails step, mission and proposal', async () => {
  const broken: Reply = { status: 500, error: 'model requires more system memory' };
  const at = await startOne(broken, broken, broken);
  for (const [failures, leastMs, mostMs] of [
    [1, 4_000, 6_000],
    [2, 8_000, 12_000],
  ] as const) {
    const step = await stepIs(db.database, at.stepId, (row) => row.failures === failures);
    expect(step).toMatchObject({
      status: 'queued',
      ready: false,
      attempt: failures,
      failure: { class: 'failed' },
    });
    const wait = await waitInMs(at.stepId, 'step.requeued');
    expect(wait).toBeGreaterThanOrEqual(leastMs);
    // The transaction's own time comes on top.
    expect(wait).toBeLessThanOrEqual(mostMs + 5_000);
    await dueNow(db.database, at.stepId);
  }
  const mission = await missionEnds(db.database, at.missionId);
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'failed');
  const message = expect.stringContaining('more system memory');
  expect(step).toMatchObject({
    attempt: 3,
    failures: 3,
    output: null,
    failure: { class: 'failed', attempt: 3, message },
  });
  expect(mission).toMatchObject({
    status: 'failed',
    failure: {
      class: 'step_failed',
      step_id: at.stepId,
      message,
      cause: { by: step.worker_id, reason: 'failed' },
    },
  });
  expect(await getProposal(db.database, at.proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'failed',
  });
  const ends = (await eventsOf(db.database, at.stepId, 'step.failed')).map(({ payload }) => payload.final);
  expect(ends).toEqual([false, false, true]);
  expect(await callsOf(db.database, at.stepId)).toHaveLength(3);
});

test('what the model refuses is failed for good at once', async () => {
  const at = await startOne({ status: 400, error: '"qwen3" does not support chat' });
  expect((await missionEnds(db.database, at.missionId)).failure).toMatchObject({
    cause: { reason: 'refused' },
  });
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'failed');
  expect(step).toMatchObject({ attempt: 1, failures: 1, failure: { class: 'refused' } });
  expect(at.ollama.exchanges).toHaveLength(1);
});

test('absurd counts of a server are unknown, spend no cap, and never stand in the way of the answer', async () => {
  const before = await tokensOf(db.database, 'tokens');
  const absurd = { prompt_eval_count: 9_000_000_000_000, eval_count: 7, load_duration: 1e300 };
  const at = await startOne({ text: 'An answer.', done: absurd });
  const done = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(done).toMatchObject({ attempt: 1, output: { text: 'An answer.' } });
  expect(await callsOf(db.database, at.stepId)).toMatchObject([{ input_tokens: null, output_tokens: 7 }]);
  expect(await tokensOf(db.database, 'tokens')).toBe(before + 7);
});
