import { beforeAll, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { reject } from '../../src/loop/decide.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import type { Caps } from '../../src/overview/schema.ts';
import type { AgentStats, Stats } from '../../src/tallies/schema.ts';
import { problemOf, useApp } from '../support/app.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';

/** As they come in JSON. */
type Json<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

const t = useApp();
let coder: string;

const get = async <T>(path: string, key?: string): Promise<Json<T>> => {
  const response = await t.request(path, key === undefined ? {} : { key });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as Json<T>;
};

beforeAll(async () => {
  await openPolicy(t.database);
  coder = await t.key({ scopes: ['read'], agent_id: 'coder' });
  const propose = proposer(t.database);
  const worker = await testWorker(t.database);
  await propose({ agentId: 'coder' });
  await completeSteps(t.database, [{ ...(await worker.claimOne()), output: 'done' }]);
  await propose({ agentId: 'coder', kind: 'tweet' });
  await reject(t.database, (await propose({ agentId: 'pm', kind: 'tweet' })).proposal.id, { by: 'key:a' });
  await t.database.query(
    `insert into ops_counters values (current_date, 'tokens', 30), (current_date, 'tokens:coder', 20),
       (current_date, 'tokens:pm', 10)`,
  );
  await sealAll(t.database);
});

test.each([
  ['hour', 60, 60],
  ['day', 96, 900],
] as const)(
  'the last %s is %i buckets of %i s, aligned, in order and without a hole',
  async (window, n, width) => {
    const stats = await get<Stats>(`/api/ops/stats?window=${window}`);
    expect([stats.window, stats.buckets.length, stats.bucket_seconds]).toEqual([window, n, width]);
    const times = stats.buckets.map(({ at }) => Date.parse(at) / 1_000);
    expect(times.map((time) => time % width)).toEqual(times.map(() => 0));
    expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * width));
    const through = Date.parse(stats.through) / 1_000;
    expect(through - (times.at(-1) ?? 0)).toBeLessThan(width);
    expect(stats.totals).toMatchObject({ proposals: 3, rejected: 1, succeeded: 1, steps: 1, failed: 0 });
    expect(stats.buckets.reduce((sum, bucket) => sum + bucket.proposals, 0)).toBe(3);
    expect(stats.buckets[0]).toMatchObject({ proposals: 0, wait_p50_ms: null, wait_p95_ms: null });
    expect(stats.totals.wait_p95_ms).toBeGreaterThan(0);
  },
);

test('an hour is what is asked for unless something else is; nonsense is refused', async () => {
  expect((await get<Stats>('/api/ops/stats')).window).toBe('hour');
  for (const path of [
    '/api/ops/stats?window=week',
    '/api/ops/stats?days=3',
    '/api/ops/agents/stats?days=0',
    '/api/ops/agents/stats?days=91',
    '/api/ops/agents/stats?days=1.5',
    '/api/ops/caps?agent_id=pm',
  ])
    expect([path, (await problemOf(await t.request(path))).code]).toEqual([path, 'invalid_request']);
});

test("each agent's figures, by day and in sum; a share of nothing is null", async () => {
  const { days, agents } = await get<AgentStats>('/api/ops/agents/stats?days=3');
  expect(days).toHaveLength(3);
  const of = (id: string) => agents.find((agent) => agent.agent_id === id);
  const figures = { proposals: 2, succeeded: 1, failed: 0, rejected: 0, success_share: 1, steps: 1 };
  expect(of('coder')).toMatchObject({ ...figures, days: [{ day: days[2], ...figures }] });
  expect(of('pm')).toMatchObject({ proposals: 1, rejected: 1, success_share: null });
  expect(of('qa')).toMatchObject({ proposals: 0, success_share: null, days: [] });
  expect((await get<AgentStats>('/api/ops/agents/stats')).days).toHaveLength(14);
});

test('what is left of the caps, of two for the same kind the lower one', async () => {
  await setPolicy(t.database, 'kind_caps', { content: 5, tweet: 9 }, 'test');
  const caps = await get<Caps>('/api/ops/caps');
  expect(caps).toMatchObject({
    timezone: 'UTC',
    proposals: { limit: 1_000_000, used: 3 },
    tokens: { limit: 10_000_000, used: 30 },
    kinds: [
      { kind: 'content', limit: 5, used: 0 },
      { kind: 'tweet', limit: 8, used: 2 },
    ],
  });
  expect(caps.agents.find((agent) => agent.agent_id === 'pm')).toEqual({
    agent_id: 'pm',
    proposals: { limit: 1_000_000, used: 1 },
    tokens: { limit: 2_000_000, used: 10 },
  });
  expect(Date.parse(caps.resets_at)).toBe(Date.parse(`${caps.day}T00:00:00Z`) + 86_400_000);
});

test("an agent's key sees its own figures and nothing of others", async () => {
  const stats = await get<AgentStats>('/api/ops/agents/stats', coder);
  expect(stats.agents.map((agent) => agent.agent_id)).toEqual(['coder']);
  const caps = await get<Caps>('/api/ops/caps', coder);
  expect(caps).toMatchObject({ proposals: null, tokens: null });
  expect(caps.agents).toEqual([
    {
      agent_id: 'coder',
      proposals: { limit: 1_000_000, used: 2 },
      tokens: { limit: 2_000_000, used: 20 },
    },
  ]);
  for (const path of ['/api/ops/stats', '/api/ops/loop', '/api/ops/attention'])
    expect((await t.request(path, { key: coder })).status).toBe(403);
});

test('the loop and what needs attention come in the shapes of the document', async () => {
  expect(await get('/api/ops/loop')).toMatchObject({
    proposals: { pending: { count: 1, more: false }, admitted_today: 3, rejected_today: 1 },
  });
  const { needs_human } = await get<{ needs_human: { problems: string[]; proposals: { kind: string }[] } }>(
    '/api/ops/attention',
  );
  expect(needs_human.proposals.map((one) => one.kind)).toEqual(['tweet']);
  expect(needs_human.problems).toContainEqual(expect.stringContaining('No language model'));
});
