import { expect, test } from 'vitest';
import { recordCalls, tokenBlocks } from '../../src/engine/tokens.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { whyStep } from '../../src/loop/why.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import {
  clearQueue,
  handles,
  missionEnds,
  stepIs,
  tokensOf,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';
import { BUILT_IN_HANDLERS } from '../../src/worker/handlers.ts';

const db = useDatabase();
const SERVED = {
  usesModel: (kind: string) => ['analyze', 'generate', 'review'].includes(kind),
  isOurs: () => true,
  unserved: () => null,
};
const MANY = 1_000_000_000;

async function start() {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database, ['analysis', 'content', 'probe']);
  const plans = { ...(await plansNow()), probe: ['probe'] };
  await setPolicy(db.database, 'plans', plans, 'test');
  await clearQueue(db.database);
  await db.database.query(`delete from ops_counters where scope like 'tokens%'`);
  const handlers = { ...BUILT_IN_HANDLERS, probe: handles(() => ({ output: 'looked' })) };
  return { ollama, worker: () => useWorker(db.database, { llm, handlers }) };
}

async function plansNow(): Promise<Record<string, string[]>> {
  const [row] = await db.database.query<{ value: Record<string, string[]> }>(
    `select value from ops_policy where key = 'plans'`,
  );
  return row?.value ?? {};
}

const capAt = (perAgent: number, total: number) =>
  setPolicy(db.database, 'token_caps', { per_agent: perAgent, total }, 'key:ann');

/** A step without a model ends after the others were there, so the worker has looked at them. */
async function workerHasLooked(): Promise<void> {
  const { mission } = await proposer(db.database)({ kind: 'probe', agentId: 'ops' });
  expect((await missionEnds(db.database, mission?.mission.id)).status).toBe('completed');
}

async function proposeFor(agentId: string): Promise<string> {
  const { mission } = await proposer(db.database)({ agentId });
  return mission?.steps[0]?.id ?? '';
}

test('an agent at its cap waits and why says so; what needs no model goes on, and so do the others', async () => {
  const at = await start();
  // Three calls of 19 tokens reach it, so publishing comes when the agent is at its cap.
  await capAt(57, MANY);
  const approval = JSON.stringify({ verdict: 'approve', reason: 'Good.', problems: [] });
  at.ollama.next({ text: 'Analysed.' }, { text: 'Written.' }, { text: approval });
  await at.worker();
  const content = await proposer(db.database)({ kind: 'content', agentId: 'pm' });
  expect((await missionEnds(db.database, content.mission?.mission.id)).status).toBe('completed');
  expect(await tokensOf(db.database, 'tokens:pm')).toBe(57);

  const waiting = await proposeFor('pm');
  const served = await proposeFor('coder');
  await stepIs(db.database, served, ({ status }) => status === 'completed');
  await workerHasLooked();
  expect(await getStep(db.database, waiting)).toMatchObject({ status: 'queued', ready: true, attempt: 0 });
  const why = await whyStep(db.database, waiting, SERVED);
  expect(why).toMatchObject({
    settled: false,
    by: 'operator',
    next: expect.stringMatching(/pm's token cap is reached/),
  });

  await capAt(58, MANY);
  await stepIs(db.database, waiting, ({ status }) => status === 'completed');
});

test('the cap of all stops everybody, until it is raised', async () => {
  const at = await start();
  await capAt(MANY, 38);
  await at.worker();
  for (const agentId of ['pm', 'qa']) {
    const id = await proposeFor(agentId);
    await stepIs(db.database, id, ({ status }) => status === 'completed');
  }
  expect(await tokensOf(db.database, 'tokens')).toBe(38);
  const waiting = [await proposeFor('pm'), await proposeFor('coder')];
  await workerHasLooked();
  for (const id of waiting) {
    expect(await getStep(db.database, id)).toMatchObject({ status: 'queued', attempt: 0 });
    const why = await whyStep(db.database, id, SERVED);
    expect(why).toMatchObject({
      by: 'operator',
      next: expect.stringMatching(/token cap of all agents is reached/),
    });
  }
  await capAt(MANY, MANY);
  for (const id of waiting) await stepIs(db.database, id, ({ status }) => status === 'completed');
});

test('yesterday does not count, and a cap of nothing lets nothing through', async () => {
  await start();
  await capAt(10, 10);
  await db.database.query(
    `insert into ops_counters (day, scope, used) select (now() at time zone 'UTC')::date - 1, scope, 1000
     from unnest(array['tokens', 'tokens:pm']) as scope`,
  );
  expect(await tokenBlocks(db.database)).toEqual({ everybody: false, agents: [] });
  await capAt(0, 10);
  expect((await tokenBlocks(db.database)).everybody).toBe(true);
  await capAt(10, 0);
  expect((await tokenBlocks(db.database)).everybody).toBe(true);
  await db.database.query(`delete from ops_policy where key = 'token_caps'`);
  expect((await tokenBlocks(db.database)).everybody).toBe(true);
});

test('the calls of an attempt are kept once, however often they are told, and unknown counts are no 0', async () => {
  await start();
  await proposeFor('pm');
  const claim = await (await testWorker(db.database)).claimOne();
  const call = {
    engine: 'ollama',
    provider: 'ollama',
    model: 'qwen3',
    inputTokens: 10,
    outputTokens: null,
    costUsd: null,
    firstTokenMs: 1,
    loadMs: null,
    durationMs: 2.4,
    outcome: 'stop',
  };
  const calls = [call, { ...call, inputTokens: 1, outputTokens: 5 }, { ...call, inputTokens: -3 }];
  for (let n = 0; n < 3; n++) await db.database.transaction((tx) => recordCalls(tx, claim, calls));
  const rows = await db.database.query(
    'select input_tokens, output_tokens, duration_ms from ops_llm_calls where step_id = $1 order by id',
    [claim.id],
  );
  expect(rows).toEqual([
    { input_tokens: 10, output_tokens: null, duration_ms: 2 },
    { input_tokens: 1, output_tokens: 5, duration_ms: 2 },
    { input_tokens: 0, output_tokens: null, duration_ms: 2 },
  ]);
  expect(await tokensOf(db.database, 'tokens')).toBe(16);
  expect(await tokensOf(db.database, 'tokens:pm')).toBe(16);
  const events = await db.database.query(
    `select from ops_events where kind = 'model.called' and entity_id = $1`,
    [claim.id],
  );
  expect(events).toHaveLength(3);
});
