import { beforeAll, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { recordCalls } from '../../src/engine/tokens.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
type Attempt = {
  step_id: string;
  attempt: number;
  worker_id: string;
  claimed_at: string;
  ended_at: string | null;
  ended_as: string | null;
  failure: { class: string; message: string | null } | null;
  calls: { model: string }[];
};
const attemptsOf = async (mission: string | null | undefined, key?: string) => {
  const response = await t.request(`/api/ops/missions/${mission}/attempts`, key ? { key } : {});
  return (await response.json()) as { attempts: Attempt[]; truncated: boolean };
};
const ends = (attempts: Attempt[]) => attempts.map(({ attempt, ended_as }) => [attempt, ended_as]);
let worker: Awaited<ReturnType<typeof testWorker>>;

beforeAll(async () => {
  await openPolicy(t.database, ['analysis', 'content']);
  await setPolicy(t.database, 'stale_steps', { after_minutes: 1, max_failures: 9 }, 'test');
  worker = await testWorker(t.database);
});

const fail = (claim: Claim, message: string) =>
  t.database.transaction((tx) =>
    failStep(tx, { ...claim, failure: { class: 'error', message }, final: false, retryInMs: 0 }),
  );
const call = (model: string) => ({
  engine: 'ollama',
  provider: 'ollama',
  model,
  inputTokens: 3,
  outputTokens: null,
  costUsd: null,
  firstTokenMs: 5,
  loadMs: null,
  durationMs: 40,
  outcome: 'ok',
});

test('each attempt has its times, its end, why it failed, and what its calls cost', async () => {
  const { mission } = await proposer(t.database)({ kind: 'content', agentId: 'pm' });
  const id = mission?.mission.id;
  const failed = await worker.claimOne();
  await t.database.transaction((tx) => recordCalls(tx, failed, [call('first'), call('second')]));
  await fail(failed, 'it broke');
  await promoteDelayed(t.database);
  await releaseSteps(t.database, [await worker.claimOne()], { reason: 'shutdown' });
  const waited = await worker.claimOne();
  await releaseSteps(t.database, [waited], { reason: 'unavailable', message: 'no model', retryInMs: 0 });
  await t.database.query('update ops_steps set ready = true, available_at = null where id = $1', [waited.id]);
  await worker.claimOne();
  await t.database.query(`update ops_steps set claimed_at = now() - interval '1 hour' where id = $1`, [
    waited.id,
  ]);
  await t.database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: 1, perKind: {} }));
  const dying = await testWorker(t.database);
  await dying.claimOne();
  await t.database.query(`update ops_workers set ended_at = now(), ended_as = 'died' where worker_id = $1`, [
    dying.workerId,
  ]);
  await t.database.transaction((tx) => recoverSteps(tx, { why: 'worker_died' }));
  await completeSteps(t.database, [{ ...(await worker.claimOne()), output: { text: 'x' } }]);
  const generating = await worker.claimOne('generate');

  const { attempts, truncated } = await attemptsOf(id);
  expect(truncated).toBe(false);
  expect(ends(attempts)).toEqual([
    [1, 'failed'],
    [2, 'released'],
    [3, 'released'],
    [4, 'stale'],
    [5, 'lost'],
    [6, 'completed'],
    [1, null],
  ]);
  expect(attempts.map(({ failure }) => failure?.class ?? null)).toEqual([
    'error',
    'shutdown',
    'unavailable',
    'stale',
    'worker_died',
    null,
    null,
  ]);
  expect(attempts.map(({ failure }) => failure?.message ?? null).slice(0, 3)).toEqual([
    'it broke',
    null,
    'no model',
  ]);
  expect(attempts[0]?.calls).toEqual([
    {
      model: 'first',
      provider: 'ollama',
      engine: 'ollama',
      input_tokens: 3,
      output_tokens: null,
      cost_usd: null,
      first_token_ms: 5,
      load_ms: null,
      duration_ms: 40,
      outcome: 'ok',
    },
    expect.objectContaining({ model: 'second' }),
  ]);
  expect(attempts.slice(1).flatMap(({ calls }) => calls)).toEqual([]);
  expect(attempts.map(({ worker_id }) => worker_id === dying.workerId)).toEqual([
    false,
    false,
    false,
    false,
    true,
    false,
    false,
  ]);
  for (const { claimed_at, ended_at } of attempts.slice(0, -1))
    expect(Date.parse(ended_at ?? '')).toBeGreaterThanOrEqual(Date.parse(claimed_at));
  expect(attempts.at(-1)).toMatchObject({
    step_id: generating.id,
    ended_at: null,
    claimed_at: expect.any(String),
  });
});

test('what runs when its mission is cancelled ends with it; what has not begun has no attempt', async () => {
  const { mission } = await proposer(t.database)({ kind: 'content' });
  await worker.claimOne();
  await t.request(`/api/ops/missions/${mission?.mission.id}/cancel`, {
    method: 'POST',
    json: { reason: 'enough' },
  });
  expect((await attemptsOf(mission?.mission.id)).attempts).toMatchObject([
    { attempt: 1, ended_as: 'cancelled', failure: { class: 'cancelled', message: 'Cancelled: enough' } },
  ]);
});

test('a mission that goes on after a failed one has its own attempts', async () => {
  const { mission } = await proposer(t.database)({ kind: 'content' });
  await t.request(`/api/ops/missions/${mission?.mission.id}/cancel`, { method: 'POST', json: {} });
  const path = `/api/ops/missions/${mission?.mission.id}/retry`;
  const retried = (await (await t.request(path, { method: 'POST' })).json()) as { mission: { id: string } };
  await completeSteps(t.database, [{ ...(await worker.claimOne()), output: null }]);
  expect((await attemptsOf(mission?.mission.id)).attempts).toEqual([]);
  expect(ends((await attemptsOf(retried.mission.id)).attempts)).toEqual([[1, 'completed']]);
});

test('of very many the newest are told, and that there are more', async () => {
  const { proposal, mission } = await proposer(t.database)({ kind: 'analysis' });
  const step = mission?.steps[0]?.id;
  await t.database.query(
    `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select e.kind, 'worker', 'step', $1, $2, e.payload from generate_series(1, 1001) n, lateral (values
       (1, 'step.started', jsonb_build_object('from', 'queued', 'set', jsonb_build_object('attempt', n))),
       (2, 'step.released', jsonb_build_object('from', 'running', 'attempt', n))) as e(place, kind, payload)
     order by n, place`,
    [step, proposal.id],
  );
  const { attempts, truncated } = await attemptsOf(mission?.mission.id);
  expect([truncated, attempts.length, attempts[0]?.attempt, attempts.at(-1)?.attempt]).toEqual([
    true,
    1000,
    2,
    1001,
  ]);
});

test('an agent sees those of its own missions', async () => {
  const key = await t.key({ scopes: ['read'], agent_id: 'coder' });
  const own = await proposer(t.database)({ agentId: 'coder' });
  const other = await proposer(t.database)({ agentId: 'pm' });
  expect(await attemptsOf(own.mission?.mission.id, key)).toEqual({ attempts: [], truncated: false });
  expect(await attemptsOf(other.mission?.mission.id, key)).toMatchObject({ code: 'not_found' });
});
