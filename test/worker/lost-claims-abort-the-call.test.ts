import { expect, test } from 'vitest';
import { startHeartbeat } from '../../src/heartbeat/heartbeat.ts';
import { silentLog } from '../../src/log.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  callsOf,
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

async function startOne() {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  return { ollama, llm, missionId: mission?.mission.id ?? '', stepId: mission?.steps[0]?.id ?? '' };
}

/** Takes the step back as the heartbeat does from one that ran longer than policy allows. */
async function recoverAsStale(stepId: string): Promise<void> {
  await db.database.query(`update ops_steps set claimed_at = now() - interval '31 minutes' where id = $1`, [
    stepId,
  ]);
  const heartbeat = startHeartbeat(db.database, { intervalMs: 3_600_000, log: silentLog() });
  try {
    // The timer's first beat may be the one that does it.
    await heartbeat.beat('test');
    await heartbeat.beat('test');
  } finally {
    await heartbeat.close();
  }
}

test('cancelling a mission ends the call to the model, and nothing of it is stored', async () => {
  const at = await startOne();
  at.ollama.next({ text: 'Half of an answ', hang: 'mid-stream' });
  const worker = await useWorker(db.database, { llm: at.llm });
  const exchange = await at.ollama.request();
  await cancelMission(db.database, at.missionId, { by: 'key:ann', reason: 'wrong' });

  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
  await eventually(async () => (await callsOf(db.database, at.stepId)).length > 0);
  expect(worker.holds()).toBe(0);
  expect(await getStep(db.database, at.stepId)).toMatchObject({
    status: 'failed',
    output: null,
    failure: { class: 'cancelled' },
  });
  // What it may have cost is kept; how many tokens an aborted call took is unknown, not 0.
  expect(await callsOf(db.database, at.stepId)).toMatchObject([
    { outcome: 'aborted', input_tokens: null, output_tokens: null },
  ]);
});

test('a step taken back as stale ends its call, and the next attempt answers', async () => {
  const at = await startOne();
  at.ollama.next({ text: 'Half of an answ', hang: 'mid-stream' }, { text: 'The whole answer' });
  const worker = await useWorker(db.database, { llm: at.llm });
  const exchange = await at.ollama.request();
  await recoverAsStale(at.stepId);
  db.database.hints.tell('policy');

  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
  const step = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(step).toMatchObject({ attempt: 2, failures: 1, output: { text: 'The whole answer' } });
  await eventually(async () => worker.holds() === 0);
  const kinds = (await eventsOf(db.database, at.stepId)).map((event) => event.kind);
  expect(kinds.filter((kind) => kind === 'step.completed')).toHaveLength(1);
  expect(kinds.filter((kind) => kind === 'step.started')).toHaveLength(2);
});

test('the result of an attempt that did not listen comes too late: kept as an event, never as output', async () => {
  const at = await startOne();
  const zombie = gate();
  await useWorker(db.database, {
    llm: at.llm,
    handlers: onlyAnalyze(async ({ step }) => {
      if (step.attempt === 1) await zombie.opened;
      return { output: { from: step.attempt } };
    }),
  });
  const first = await stepIs(db.database, at.stepId, ({ status }) => status === 'running');
  await recoverAsStale(at.stepId);
  const done = await stepIs(db.database, at.stepId, ({ status }) => status === 'completed');
  expect(done.output).toEqual({ from: 2 });

  zombie.open();
  const [late] = await eventually(async () => {
    const events = await eventsOf(db.database, at.stepId, 'step.late_result');
    return events.length > 0 && events;
  });
  expect(late?.payload).toMatchObject({
    claim_id: first.claim_id,
    output: expect.stringMatching(/^sha256:/),
    found: { status: 'completed', claim_id: done.claim_id },
  });
  expect(await getStep(db.database, at.stepId)).toEqual(done);
});
