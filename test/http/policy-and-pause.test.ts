import { expect, test } from 'vitest';
import { POLICY_KEYS } from '../../src/policy/schema.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
const put = (key: string, json: unknown) => t.request(`/api/ops/policy/${key}`, { method: 'PUT', json });
const post = (path: string, json?: unknown) => t.request(path, { method: 'POST', json });

test('the policy is listed with what each key means', async () => {
  const { policy } = (await (await t.request('/api/ops/policy')).json()) as {
    policy: { key: string; meaning: string }[];
  };
  expect(policy.map((row) => row.key)).toEqual(POLICY_KEYS.toSorted());
  expect(policy.every((row) => row.meaning.length > 10)).toBe(true);
  expect((await t.request('/api/ops/policy/nothing')).status).toBe(404);
});

test('each key comes with the JSON Schema of its value, from which a form can be made', async () => {
  const { policy } = (await (await t.request('/api/ops/policy')).json()) as {
    policy: { key: string; schema: Record<string, unknown> }[];
  };
  for (const { key, schema } of policy) expect([key, schema.type]).toEqual([key, 'object']);
  const schemaOf = async (key: string) =>
    (
      (await (await t.request(`/api/ops/policy/${key}`)).json()) as {
        policy: { schema: Record<string, unknown> };
      }
    ).policy.schema;
  expect(await schemaOf('daily_caps')).toMatchObject({
    additionalProperties: false,
    required: ['timezone', 'per_agent', 'total'],
    properties: {
      timezone: { type: 'string', description: expect.stringContaining('IANA') },
      per_agent: { type: 'integer', minimum: 0, maximum: 1_000_000_000 },
    },
  });
  expect(await schemaOf('plans')).toMatchObject({ description: expect.stringContaining('exec') });
  expect(await schemaOf('auto_approve')).toMatchObject({
    properties: { kinds: { type: 'array', maxItems: 200, description: expect.stringContaining('exec') } },
  });
});

test('a value that its schema refuses is refused with the reason, and a good one is kept with who set it', async () => {
  expect((await problemOf(await put('tweet_quota', { value: { max_per_day: -1 } }))).code).toBe(
    'invalid_policy',
  );
  expect((await put('tweet_quota', {})).status).toBe(400);
  expect((await put('nothing', { value: 1 })).status).toBe(404);
  expect((await put('daily_caps', { value: { timezone: '+05:30', per_agent: 1, total: 1 } })).status).toBe(
    422,
  );
  expect(await (await put('tweet_quota', { value: { max_per_day: 3 } })).json()).toMatchObject({
    policy: { key: 'tweet_quota', value: { max_per_day: 3 }, updated_by: 'key:environment' },
  });
});

test('a value that somebody changed meanwhile is not written over by one who says what was seen', async () => {
  type Entry = { policy: { updated_at: string; value: unknown } };
  const entry = async () => ((await (await t.request('/api/ops/policy/tweet_quota')).json()) as Entry).policy;
  const { updated_at: seen } = await entry();
  expect((await put('tweet_quota', { value: { max_per_day: 4 }, if_updated_at: seen })).status).toBe(200);
  const { updated_at: now } = await entry();
  const late = await put('tweet_quota', { value: { max_per_day: 5 }, if_updated_at: seen });
  expect(late.status).toBe(409);
  const { code, detail } = await problemOf(late);
  expect([code, detail]).toEqual(['conflict', expect.stringContaining(`by key:environment at ${now}`)]);
  expect((await put('tweet_quota', { value: { max_per_day: 5 }, if_updated_at: null })).status).toBe(409);
  expect((await entry()).value).toEqual({ max_per_day: 4 });
  expect((await put('tweet_quota', { value: { max_per_day: 5 } })).status).toBe(200);
  expect((await put('tweet_quota', { value: { max_per_day: 6 }, if_updated_at: 'then' })).status).toBe(400);
  const paused = { value: { enabled: false, agents: [] }, if_updated_at: now };
  expect((await put('paused', paused)).status).toBe(400);
});

test('pausing and resuming everybody and one agent are independent', async () => {
  expect(await (await post('/api/ops/pause', { agent_id: 'pm' })).json()).toEqual({
    paused: { enabled: false, agents: ['pm'] },
  });
  expect(await (await post('/api/ops/pause')).json()).toEqual({ paused: { enabled: true, agents: ['pm'] } });
  expect(await (await post('/api/ops/resume')).json()).toEqual({
    paused: { enabled: false, agents: ['pm'] },
  });
  expect(await (await post('/api/ops/resume', { agent_id: 'pm' })).json()).toEqual({
    paused: { enabled: false, agents: [] },
  });
  expect((await problemOf(await post('/api/ops/pause', { agent_id: 'nobody' }))).code).toBe('unknown_agent');
});

test('of pauses that arrive together none is lost', async () => {
  const agents = ['pm', 'coder', 'research', 'qa', 'ops', 'marketing'];
  await Promise.all([
    ...agents.map((agent_id) => post('/api/ops/pause', { agent_id })),
    post('/api/ops/pause'),
  ]);
  const response = await t.request('/api/ops/policy/paused');
  const { policy } = (await response.json()) as { policy: { value: { enabled: boolean; agents: string[] } } };
  expect(policy.value.enabled).toBe(true);
  expect(policy.value.agents.toSorted()).toEqual(agents.toSorted());
});
