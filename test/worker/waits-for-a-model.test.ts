import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { isKnown, noteFact } from '../../src/db/installation.ts';
import { silentLog } from '../../src/log.ts';
import { whyStep } from '../../src/loop/why.ts';
import { getStep, stepsOf } from '../../src/steps/steps.ts';
import { setAgent } from '../../src/agents/agents.ts';
import { startOpenAiServer } from '../support/openai-server.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { clearQueue, handles, missionEnds, stepIs, useOllama } from '../support/worker.ts';

const db = useDatabase();

/** The whole program but for the parts that are not needed here. A poll of 50 ms, as a user could set it. */
async function startApp(env: Record<string, string>, handlers = {}, file: object = {}): Promise<App> {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-waits-'));
  await writeFile(join(home, 'config.json'), JSON.stringify(file));
  const app = createApp({
    config: readConfig({
      OPSLOOP_HOME: home,
      OLLAMA_URL: 'http://127.0.0.1:2',
      OPS_WORKER_POLL: '0.05',
      ...env,
    }),
    databaseUrl: db.url,
    log: silentLog(),
    handlers,
    parts: { heartbeat: false, files: false },
  });
  onTestFinished(async () => {
    await app.stop(0);
    await rm(home, { recursive: true });
  });
  await app.ready;
  return app;
}

/** A step that needs no model is worked after the others were there, so the worker has looked at them. */
async function workerHasLooked(): Promise<void> {
  const { mission } = await proposer(db.database)({ kind: 'probe' });
  expect((await missionEnds(db.database, mission?.mission.id)).status).toBe('completed');
}

const probe = handles(() => ({ output: 'looked' }));

async function openPlans(kinds: string[]): Promise<void> {
  await openPolicy(db.database, ['analysis', 'content', 'probe', ...kinds]);
  await db.database.query(
    `update ops_policy set value = value || '{"probe": ["probe"]}' where key = 'plans'`,
  );
  await clearQueue(db.database);
}

test('without models nothing that needs one is claimed, and why says what to do', async () => {
  const app = await startApp({ OPSLOOP_LLM: 'none' }, { probe });
  await openPlans([]);
  const { mission } = await proposer(db.database)();
  await workerHasLooked();
  const step = await getStep(db.database, mission?.steps[0]?.id ?? '');
  expect(step).toMatchObject({ status: 'queued', ready: true, attempt: 0 });
  const why = await whyStep(db.database, step.id, app.serving);
  expect(why).toMatchObject({ settled: false, by: 'operator', next: expect.stringContaining('OPSLOOP_LLM') });
});

test('a machine that never saw a model has the extractive analyst, until Ollama appears', async () => {
  expect(await isKnown(db.database, 'model_seen')).toBe(false);
  const app = await startApp({ OPSLOOP_LLM: 'auto' }, { probe });
  await openPlans([]);
  const body = 'The queue is slow. The queue needs an index. Nobody knows why.';
  const { mission } = await proposer(db.database)({ kind: 'content', title: 'The queue', body });
  const [analyze, generate] = mission?.steps ?? [];
  const analysed = await stepIs(db.database, analyze?.id, ({ status }) => status === 'completed');
  expect(analysed.output).toMatchObject({
    engine: 'extractive',
    llm: false,
    provider: 'extractive',
    model: null,
    usage: { input_tokens: null, output_tokens: null },
    text: expect.stringContaining('The queue needs an index.'),
  });

  await workerHasLooked();
  expect(await getStep(db.database, generate?.id ?? '')).toMatchObject({
    status: 'queued',
    ready: true,
    attempt: 0,
  });
  const why = await whyStep(db.database, generate?.id ?? '', app.serving);
  expect(why).toMatchObject({ by: 'operator', next: expect.stringContaining('ollama pull') });
  expect(await isKnown(db.database, 'model_seen')).toBe(false);
});

test('once Ollama appears what waited is served by it, and the extractive analyst is over for good', async () => {
  const ollama = await useOllama(['qwen3']);
  await ollama.close();
  const port = Number(new URL(ollama.url).port);
  const app = await startApp({ OPSLOOP_LLM: 'auto', OLLAMA_URL: ollama.url }, { probe });
  await openPlans([]);
  const { mission } = await proposer(db.database)({ kind: 'content' });
  const generate = mission?.steps[1]?.id;
  await stepIs(db.database, generate, ({ ready }) => ready);
  await workerHasLooked();
  expect(await getStep(db.database, generate ?? '')).toMatchObject({ status: 'queued', attempt: 0 });

  const back = await useOllama(['qwen3'], port);
  const approval = JSON.stringify({ verdict: 'approve', reason: 'Good.', problems: [] });
  back.next({ text: 'A draft.' }, { text: approval });
  expect((await app.llm.refresh()).llm).toBe(true);
  expect((await missionEnds(db.database, mission?.mission.id)).status).toBe('completed');
  const outputs = (await stepsOf(db.database, mission?.mission.id ?? '')).map(({ output }) => output);
  expect(outputs).toMatchObject([
    { engine: 'extractive', llm: false },
    { engine: 'ollama', llm: true, text: 'A draft.' },
    { engine: 'ollama', verdict: 'approve' },
    { from_step: 'generate' },
  ]);
  expect(await isKnown(db.database, 'model_seen')).toBe(true);

  // Ollama goes away again: the analyst must not take the place of a model that was there.
  await back.close();
  await app.llm.refresh();
  const later = await proposer(db.database)();
  await workerHasLooked();
  const waiting = await getStep(db.database, later.mission?.steps[0]?.id ?? '');
  expect(waiting).toMatchObject({ status: 'queued', output: null });
  const why = await whyStep(db.database, waiting.id, app.serving);
  expect(why).toMatchObject({ settled: false, next: expect.stringMatching(/language model/i) });
});

test('a configured model that is away is waited for without a failure, and its agent is served when it is back', async () => {
  const ollama = await useOllama(['qwen3']);
  await ollama.close();
  await startApp({ OPSLOOP_LLM: 'ollama:qwen3', OLLAMA_URL: ollama.url }, { probe });
  await openPlans([]);
  const { mission } = await proposer(db.database)();
  const waiting = await stepIs(
    db.database,
    mission?.steps[0]?.id,
    ({ attempt, status }) => attempt === 1 && status === 'queued',
  );
  expect(waiting).toMatchObject({ failures: 0, failure: { class: 'unavailable' } });
  expect(waiting.available_at).not.toBeNull();

  await useOllama(['qwen3'], Number(new URL(ollama.url).port));
  await db.database.query('update ops_steps set available_at = clock_timestamp() where id = $1', [
    waiting.id,
  ]);
  const done = await eventually(async () => {
    const step = await getStep(db.database, waiting.id);
    return step.status === 'completed' && step;
  });
  expect(done).toMatchObject({ failures: 0, output: { llm: true } });
});

test('an agent with a model of its own is served where there is no default, and the others wait', async () => {
  const hosted = await startOpenAiServer({ models: ['own'] });
  onTestFinished(() => hosted.close());
  await noteFact(db.database, 'model_seen');
  const llm = { providers: { hosted: { type: 'openai-compatible', baseUrl: hosted.url } } };
  const app = await startApp({}, { probe }, { llm });
  expect(app.llm.status().llm).toBe(false);
  await openPlans([]);
  await setAgent(db.database, 'coder', { model_override: 'hosted:own' }, 'test');
  const other = await proposer(db.database)({ agentId: 'qa' });
  const own = await proposer(db.database)({ agentId: 'coder' });

  expect((await missionEnds(db.database, own.mission?.mission.id)).status).toBe('completed');
  const waiting = await getStep(db.database, other.mission?.steps[0]?.id ?? '');
  expect(waiting).toMatchObject({ status: 'queued', attempt: 0 });
  expect((await whyStep(db.database, waiting.id, app.serving)).next).toMatch(/language model/i);
});
