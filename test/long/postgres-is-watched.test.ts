import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { describeLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { eventually } from '../support/loop.ts';
import { makeHome, runProgram, startUp } from '../support/process.ts';

test('an embedded PostgreSQL that is killed is started again, and the loop goes on', async () => {
  await using home = await makeHome();
  const up = await startUp(home, { OPSLOOP_LLM: 'extractive' }, ['--no-sample']);
  const { dataDir } = await describeLocalPostgres(home.path);
  execFileSync('pkill', ['-9', '-f', `postgres -D ${dataDir}`]);
  await up.program.says('PostgreSQL is gone');
  await eventually(
    () =>
      runProgram(['run', 'After the kill', '--body', 'A fact.'], { OPSLOOP_HOME: home.path }).then(
        ({ code }) => code === 0,
      ),
    60_000,
  );
  up.program.signal('SIGTERM');
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
}, 120_000);

test('a mistaken model is told before anything is started', async () => {
  await using home = await makeHome();
  const { code, stderr } = await runProgram(['up'], { OPSLOOP_HOME: home.path, OPSLOOP_LLM: 'foo' });
  expect([code, stderr]).toEqual([2, expect.stringContaining('OPSLOOP_LLM')]);
  expect((await describeLocalPostgres(home.path)).created).toBe(false);
});

test('the key of the home goes to the server of the home alone', async () => {
  await using home = await makeHome();
  const up = await startUp(home, { OPSLOOP_LLM: 'extractive' }, ['--no-sample']);
  expect((await runProgram(['proposals'], { OPSLOOP_HOME: home.path })).code).toBe(0);
  const heard: (string | undefined)[] = [];
  const stranger = createServer((request, response) => {
    heard.push(request.headers.authorization);
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => stranger.once('listening', resolve));
  const { port } = stranger.address() as { port: number };
  await runProgram(['proposals'], { OPSLOOP_HOME: home.path, OPSLOOP_URL: `http://127.0.0.1:${port}` });
  stranger.close();
  expect(heard).toEqual([undefined]);
  up.program.signal('SIGTERM');
  await up.program.ended;
});
