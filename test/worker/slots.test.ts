import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { silentLog } from '../../src/log.ts';
import { getStep } from '../../src/steps/steps.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  clearQueue,
  gate,
  handles,
  missionEnds,
  onlyAnalyze,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

async function proposeMany(count: number, kind = 'analysis'): Promise<string[]> {
  const propose = proposer(db.database);
  const made = await Promise.all(Array.from({ length: count }, () => propose({ kind })));
  return made.map(({ mission }) => mission?.steps[0]?.id ?? '');
}

test('never more calls at once than slots, always as many as there are, and all steps end', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const stepIds = await proposeMany(20);
  let worker: Worker | undefined;
  let now = 0;
  let most = 0;
  let mostAtWork = 0;
  const full = gate();
  ollama.on('qwen3:latest', (exchange) => {
    now++;
    most = Math.max(most, now);
    mostAtWork = Math.max(mostAtWork, worker?.works() ?? 0);
    if (now === 3) full.open();
    void exchange.closed.then(() => now--);
    // The first ones wait for each other, which would never end with fewer than three at once.
    return { until: full.opened, text: 'Done.' };
  });
  worker = await useWorker(db.database, { llm, slots: { analyze: 3 } });
  for (const id of stepIds) await stepIs(db.database, id, ({ status }) => status === 'completed');
  expect(most).toBe(3);
  expect(mostAtWork).toBe(3);
  expect(ollama.exchanges).toHaveLength(20);
});

test('kinds have slots of their own: one that is full leaves the others alone', async () => {
  const llm = await useLlm(db.database, { mode: 'none' });
  await openPolicy(db.database, ['analysis', 'quick']);
  await db.database.query(
    `update ops_policy set value = value || '{"quick": ["quick"]}' where key = 'plans'`,
  );
  await clearQueue(db.database);
  const stepIds = await proposeMany(2);
  const hold = gate();
  const handlers = {
    ...onlyAnalyze(async () => {
      await hold.opened;
      return { output: 'slow' };
    }),
    quick: handles(() => ({ output: 'quick' }), 1),
  };
  const worker = await useWorker(db.database, { llm, handlers, slots: { analyze: 1 } });
  for (const id of await proposeMany(3, 'quick'))
    await stepIs(db.database, id, ({ status }) => status === 'completed');
  const running = await Promise.all(stepIds.map(async (id) => (await getStep(db.database, id)).status));
  expect(running.sort()).toEqual(['queued', 'running']);
  expect(worker.holds()).toBe(1);
  hold.open();
  for (const id of stepIds) await stepIs(db.database, id, ({ status }) => status === 'completed');
});

test('a kind without slots is left to other workers', async () => {
  const llm = await useLlm(db.database, { mode: 'none' });
  await openPolicy(db.database, ['analysis', 'quick']);
  await db.database.query(
    `update ops_policy set value = value || '{"quick": ["quick"]}' where key = 'plans'`,
  );
  await clearQueue(db.database);
  const done = () => ({ output: 'done' });
  const first = await useWorker(db.database, {
    llm,
    handlers: { ...onlyAnalyze(done), quick: handles(done) },
    slots: { analyze: 0 },
  });
  const [left = ''] = await proposeMany(1);
  const [quick = ''] = await proposeMany(1, 'quick');
  expect(await stepIs(db.database, quick, ({ status }) => status === 'completed')).toMatchObject({
    worker_id: first.id(),
  });
  expect(await getStep(db.database, left)).toMatchObject({ status: 'queued', attempt: 0 });
  const second = await useWorker(db.open(4), { llm, handlers: onlyAnalyze(done) });
  const step = await stepIs(db.database, left, ({ status }) => status === 'completed');
  expect(step.worker_id).toBe(second.id());
});

test('a handler of a library user works its kind beside the built-in ones', async () => {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-slots-'));
  const app = createApp({
    config: readConfig({ OPSLOOP_HOME: home, OPSLOOP_LLM: 'extractive', OPS_WORKER_POLL: '0.05' }),
    databaseUrl: db.url,
    log: silentLog(),
    handlers: {
      count: handles(async ({ brief }) => {
        const { proposal, prior } = await brief();
        return { output: { words: proposal.body?.split(' ').length, before: prior.map(({ kind }) => kind) } };
      }),
    },
    parts: { heartbeat: false, files: false },
  });
  onTestFinished(async () => {
    await app.stop(0);
    await rm(home, { recursive: true });
  });
  await app.ready;
  await openPolicy(db.database, ['report']);
  await db.database.query(
    `update ops_policy set value = value || '{"report": ["analyze", "count"]}' where key = 'plans'`,
  );
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)({ kind: 'report', body: 'one two three' });
  expect((await missionEnds(db.database, mission?.mission.id)).status).toBe('completed');
  const count = await stepIs(db.database, mission?.steps[1]?.id, () => true);
  expect(count).toMatchObject({ worker_id: app.worker()?.id(), output: { words: 3, before: ['analyze'] } });
  await eventually(async () => app.worker()?.holds() === 0);
});

test('slots of a kind that nothing works are a mistake in writing, and refused by name', async () => {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-slots-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const begin = async (slots: Record<string, number>) => {
    await writeFile(join(home, 'config.json'), JSON.stringify({ slots }));
    const config = readConfig({ OPSLOOP_HOME: home, OPSLOOP_LLM: 'none' });
    const parts = { worker: false, keeper: false, heartbeat: false, files: false };
    return createApp({ config, databaseUrl: db.url, log: silentLog(), parts });
  };
  await expect(begin({ analyze: 2, analyse: 3 })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/analyse, and no such kind .* analyze/),
  });
  await (await begin({ analyze: 2, publish: 0, exec: 1 })).stop(0);
});
