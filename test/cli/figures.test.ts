import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeHome, runProgram, startUp, type TestHome } from '../support/process.ts';

let home: TestHome;
let up: Awaited<ReturnType<typeof startUp>>;
const run = (...args: string[]) => runProgram(args, { OPSLOOP_HOME: home.path, OPSLOOP_URL: up.url });

beforeAll(async () => {
  home = await makeHome();
  up = await startUp(home, { OPSLOOP_LLM: 'extractive' }, ['--no-sample']);
  expect((await run('run', 'Look into it', '--body', 'One fact. Another one.', '--agent', 'qa')).code).toBe(
    0,
  );
  expect((await run('propose', 'Ship it', '--kind', 'deploy')).code).toBe(0);
});
afterAll(async () => {
  up.program.signal('SIGTERM');
  await up.program.ended;
  await home[Symbol.asyncDispose]();
});

test('stats show the last hour or day, or the agents', async () => {
  expect((await run('stats')).stdout).toMatch(/missions +1 succeeded, 0 failed/);
  const day = JSON.parse((await run('stats', '--day', '--json')).stdout) as { buckets: unknown[] };
  expect(day.buckets).toHaveLength(96);
  expect((await run('stats', '--agents')).stdout).toMatch(/qa +1 +0 +1 +0 +100 %/);
  expect((await run('stats', '--agents', '--day')).code).toBe(2);
  expect((await run('stats', '--days', '3')).code).toBe(2);
  expect((await run('stats', '--agents', '--days', '1000')).code).toBe(2);
});

test('caps show what is used, attention what waits', async () => {
  expect((await run('caps')).stdout).toMatch(/qa +1 of 50/);
  const { code, stdout } = await run('attention');
  expect(code).toBe(0);
  expect(stdout).toMatch(/Needs you:\n.*deploy of .*: Ship it/);
  expect(stdout).toContain('Runs: nothing');
});

test('loop shows what is where, attempts who worked a mission, beats what the heartbeat did', async () => {
  expect((await run('loop')).stdout).toMatch(/proposals +1 pending; today 2 admitted, 0 rejected/);
  const { missions } = JSON.parse((await run('missions', '--json')).stdout) as { missions: { id: string }[] };
  const attempts = await run('attempts', missions[0]?.id ?? '');
  expect(attempts.stdout).toMatch(/1 +\S.* completed/);
  expect((await run('attempts', crypto.randomUUID())).code).toBe(3);
  expect((await run('heartbeat')).code).toBe(0);
  expect((await run('beats', '--limit', '1')).stdout).toMatch(/ms +key:\w+ +nothing/);
  expect((await run('beats', '--limit', 'x')).code).toBe(2);
});
