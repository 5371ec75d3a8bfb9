import { expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  callsOf,
  clearQueue,
  eventsOf,
  gate,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

const pause = (enabled: boolean, agents: string[] = []) =>
  setPolicy(db.database, 'paused', { enabled, agents }, 'key:ann');

async function startHanging(agentIds: string[]) {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const propose = proposer(db.database);
  const stepIds: string[] = [];
  for (const agentId of agentIds) {
    // The title comes back in the request, by which the server knows whose it is.
    const { mission } = await propose({ agentId, title: `for ${agentId}` });
    stepIds.push(mission?.steps[0]?.id ?? '');
  }
  return { ollama, llm, stepIds };
}

const asksFor = (agentId: string) => (exchange: { body: Record<string, unknown> }) =>
  JSON.stringify(exchange.body.messages).includes(`for ${agentId}`);

test('a pause aborts what runs, gives it back unspent and claims nothing; resuming goes on', async () => {
  const at = await startHanging(['pm', 'qa']);
  at.ollama.next({ text: 'Half', hang: 'mid-stream' }, { hang: 'before-first-token' });
  const worker = await useWorker(db.database, { llm: at.llm, slots: { analyze: 2 } });
  const exchanges = [await at.ollama.request(), await at.ollama.request()];
  await pause(true);

  for (const exchange of exchanges) {
    await exchange.closed;
    expect(exchange.abandoned).toBe(true);
  }
  for (const id of at.stepIds) {
    const step = await stepIs(db.database, id, ({ status }) => status === 'queued');
    expect(step).toMatchObject({
      ready: true,
      attempt: 1,
      failures: 0,
      failure: null,
      worker_id: null,
      output: null,
    });
    expect(await eventsOf(db.database, id, 'step.released')).toMatchObject([
      { payload: { cause: { reason: 'paused' } } },
    ]);
    expect(await callsOf(db.database, id)).toMatchObject([{ outcome: 'aborted' }]);
  }
  await eventually(async () => worker.holds() === 0);

  // A third one would be worked at once if anything were claimed; that it waits shows after two more polls.
  const { mission } = await proposer(db.database)({ agentId: 'ops', title: 'for ops' });
  const third = mission?.steps[0]?.id ?? '';
  await polls(2);
  expect(await getStep(db.database, third)).toMatchObject({ status: 'queued', attempt: 0 });
  expect(at.ollama.exchanges).toHaveLength(2);

  await pause(false);
  for (const id of at.stepIds) {
    const step = await stepIs(db.database, id, ({ status }) => status === 'completed');
    expect(step).toMatchObject({ attempt: 2, failures: 0 });
  }
  await stepIs(db.database, third, ({ status }) => status === 'completed');

  /** The worker looks for steps so many times more. */
  async function polls(times: number): Promise<void> {
    const { query } = db.database;
    let seen = 0;
    const asked = gate();
    db.database.query = (text, values, name) => {
      if (name === 'opsloop_lanes' && ++seen > times) asked.open();
      return query(text, values, name);
    };
    await asked.opened;
    db.database.query = query;
  }
});

test('a paused agent stops alone', async () => {
  const at = await startHanging(['pm', 'qa']);
  const others = gate();
  at.ollama.on('qwen3:latest', (exchange) =>
    asksFor('qa')(exchange) ? { text: 'Half', hang: 'mid-stream' } : { until: others.opened, text: 'Done.' },
  );
  await useWorker(db.database, { llm: at.llm, slots: { analyze: 2 } });
  const exchanges = [await at.ollama.request(), await at.ollama.request()];
  const ofQa = exchanges.find(asksFor('qa'));
  const ofPm = exchanges.find(asksFor('pm'));
  await pause(false, ['qa']);

  await ofQa?.closed;
  expect(ofQa?.abandoned).toBe(true);
  const [pmStep = '', qaStep = ''] = at.stepIds;
  const waiting = await stepIs(db.database, qaStep, ({ status }) => status === 'queued');
  expect(waiting).toMatchObject({ attempt: 1, failures: 0 });
  expect(await getStep(db.database, pmStep)).toMatchObject({ status: 'running', attempt: 1 });
  others.open();
  await stepIs(db.database, pmStep, ({ status }) => status === 'completed');
  expect(ofPm?.abandoned).toBe(false);
  // Another of pm's is claimed after the paused one, which was there first.
  const { mission } = await proposer(db.database)({ agentId: 'pm', title: 'for pm again' });
  await stepIs(db.database, mission?.steps[0]?.id, ({ status }) => status === 'completed');
  expect(await getStep(db.database, qaStep)).toMatchObject({ status: 'queued', attempt: 1 });

  at.ollama.on('qwen3:latest', { text: 'Done.' });
  await pause(false);
  const done = await stepIs(db.database, qaStep, ({ status }) => status === 'completed');
  expect(done).toMatchObject({ attempt: 2, failures: 0 });
});
