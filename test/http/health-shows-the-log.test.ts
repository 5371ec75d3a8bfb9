import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Health } from '../../src/health/health.ts';
import { headsFile } from '../../src/events/proof/heads.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useApp } from '../support/app.ts';
import { sealAll } from '../support/loop.ts';

const t = useApp({ parts: { heartbeat: true } });
const health = async () => (await (await t.request('/api/ops/health')).json()) as Health;

/** A beat, once everything before it has its seal. */
async function beat() {
  await sealAll(t.database);
  await sealAll(t.database);
  return t.app.beat('test');
}
const runOf = async (action: string) => (await beat()).actions.find((run) => run.action === action);

test('health shows where the log ends, what was signed of it, and how long what has ended is kept', async () => {
  expect(await runOf('signLogHead')).toMatchObject({ status: 'ok', details: { signed: true } });
  const { events, retention } = await health();
  expect(events).toMatchObject({
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    signed: { seq: expect.any(Number), at: expect.any(String) },
    signed_problem: null,
  });
  expect(events.signed?.seq).toBeLessThanOrEqual(events.seq);
  expect(events.sealing_lag_ms).toBeLessThan(1_000);
  expect(retention).toEqual({ keep_days: 90 });
  await setPolicy(t.database, 'retention', { keep_days: null }, 'test');
  expect((await health()).retention).toEqual({ keep_days: null });
  expect(await runOf('dropOldThreads')).toMatchObject({ status: 'ok', details: { keep_days: null } });
  await setPolicy(t.database, 'retention', { keep_days: 90 }, 'test');
});

test('a disk that takes no head fails that action alone, and health says so until it is well again', async () => {
  const file = headsFile(t.app.config.home);
  await rename(file, `${file}.aside`);
  await mkdir(file);
  const { actions } = await beat();
  expect(actions.map(({ action, status }) => [action, status])).toEqual([
    ['recoverStaleSteps', 'ok'],
    ['forgetOldAnswers', 'ok'],
    ['countEvents', 'ok'],
    ['signLogHead', 'error'],
    ['dropOldThreads', 'error'],
    ['logHeartbeat', 'ok'],
  ]);
  const { status, problems } = await health();
  expect(status).toBe('degraded');
  expect(problems.filter((problem) => problem.includes(file))).toHaveLength(1);
  await rm(file, { recursive: true });
  await rename(`${file}.aside`, file);
  await beat();
  expect((await health()).problems.filter((problem) => problem.includes('log'))).toEqual([]);
});

test('a log that is not the one that was signed is noticed at the beat and in health', async () => {
  const file = headsFile(t.app.config.home);
  await rename(file, `${file}.aside`);
  const other = {
    seq: 1,
    hash: 'a'.repeat(64),
    at: '2026-01-01T00:00:00.000Z',
    installation: 'b',
    key: 'c',
    signature: 'd',
  };
  await writeFile(file, `${JSON.stringify(other)}\n`);
  expect(await runOf('signLogHead')).toMatchObject({ status: 'error', details: { code: 'log_damaged' } });
  expect(await runOf('dropOldThreads')).toMatchObject({ status: 'error', details: { code: 'log_damaged' } });
  const { events, problems } = await health();
  expect(events.signed).toEqual({ seq: 1, at: other.at });
  expect(problems.filter((problem) => problem.includes('opsloop events verify'))).toEqual([
    events.signed_problem,
  ]);
  await rename(`${file}.aside`, file);
});
