import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { attachLocalPostgres, startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { homeOwner } from '../../src/db/local/lock.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeHome, startUp, type TestHome } from '../support/process.ts';

async function hangingStep(home: TestHome, ollamaUrl: string) {
  const up = await startUp(home, { OLLAMA_URL: ollamaUrl, OPSLOOP_LLM: 'ollama:tiny' }, ['--no-sample']);
  await up.call('POST', '/api/ops/proposals', { agent_id: 'pm', kind: 'analysis', title: 'never ends' });
  return up;
}

async function afterwards(home: TestHome) {
  await expect(attachLocalPostgres({ home: home.path, log: silentLog() })).rejects.toMatchObject({
    code: 'database_unavailable',
  });
  expect(await homeOwner(home.path)).toBeNull();
  const local = await startLocalPostgres({ home: home.path, log: silentLog() });
  const database = openDatabase(local.url, { log: silentLog(), max: 1 });
  const steps = await database.query('select status, failures, ready from ops_steps');
  const workers = await database.query('select ended_as from ops_workers');
  await database.close();
  await local.stop();
  return { steps, workers };
}

test('two Ctrl+C give the running step back at once, and everything ends in order', async () => {
  await using home = await makeHome();
  await using ollama = await startOllamaServer({ models: ['tiny'] });
  ollama.on('tiny', { text: ['half'], hang: 'mid-stream' });
  const up = await hangingStep(home, ollama.url);
  await eventually(async () => ollama.exchanges.length === 1);

  up.program.signal('SIGINT');
  await up.program.says('stopping');
  up.program.signal('SIGINT');
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
  expect(await afterwards(home)).toEqual({
    steps: [{ status: 'queued', failures: 0, ready: true }],
    workers: [{ ended_as: 'stopped' }],
  });
});

test('one Ctrl+C lets the running step finish', async () => {
  await using home = await makeHome();
  await using ollama = await startOllamaServer({ models: ['tiny'] });
  let finish = () => {};
  const until = new Promise<void>((resolve) => {
    finish = resolve;
  });
  ollama.on('tiny', { text: ['whole'], until });
  const up = await hangingStep(home, ollama.url);
  await eventually(async () => ollama.exchanges.length === 1);
  up.program.signal('SIGTERM');
  await up.program.says('stopping');
  finish();
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
  expect((await afterwards(home)).steps).toEqual([{ status: 'completed', failures: 0, ready: false }]);
});

test('a terminal that is closed ends everything in order too, though nobody reads what it says', async () => {
  await using home = await makeHome();
  const up = await startUp(home, { OPSLOOP_LLM: 'extractive' }, ['--no-sample']);
  up.program.child.stdout?.destroy();
  up.program.child.stderr?.destroy();
  up.program.signal('SIGHUP');
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
  expect((await afterwards(home)).workers).toEqual([{ ended_as: 'stopped' }]);
});
