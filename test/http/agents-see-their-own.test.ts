import { beforeAll, expect, test } from 'vitest';
import { openPolicy, sealAll } from '../support/loop.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
type Made = { proposal: { id: string }; mission: { mission: { id: string }; steps: { id: string }[] } };
let coder: string;
let own: Made;
let others: Made;

const propose = async (agent_id: string) =>
  (await (
    await t.request('/api/ops/proposals', {
      method: 'POST',
      json: { agent_id, kind: 'analysis', title: agent_id },
    })
  ).json()) as Made;
const get = async (path: string) => {
  const response = await t.request(path, { key: coder });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const places = ({ proposal, mission }: Made) => [
  `/api/ops/proposals/${proposal.id}`,
  `/api/ops/missions/${mission.mission.id}`,
  `/api/ops/steps/${mission.steps[0]?.id}`,
];

beforeAll(async () => {
  await openPolicy(t.database);
  coder = await t.key({ scopes: ['read'], agent_id: 'coder' });
  own = await propose('coder');
  others = await propose('pm');
  await sealAll(t.database);
});

test("an agent finds its own things by id, and others' are not there", async () => {
  for (const place of places(own)) {
    expect((await get(place)).status).toBe(200);
    expect((await get(`${place}/why`)).status).toBe(200);
  }
  for (const place of places(others)) {
    expect(await get(place)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await get(`${place}/why`)).status).toBe(404);
  }
});

test('a thing of another agent and a thing that never was are answered alike', async () => {
  const never = '0190a000-0000-7000-8000-000000000000';
  const anonymous = (body: Record<string, unknown>, id: string) =>
    JSON.stringify(body).replaceAll(id, '<id>');
  const unreal = await get(`/api/ops/proposals/${never}`);
  const foreign = await get(`/api/ops/proposals/${others.proposal.id}`);
  expect(anonymous(foreign.body, others.proposal.id)).toBe(anonymous(unreal.body, never));
});

test("lists show an agent its own, also when it asks for another's", async () => {
  for (const [path, member] of [
    ['/api/ops/proposals', 'proposals'],
    ['/api/ops/missions', 'missions'],
    ['/api/ops/steps', 'steps'],
  ] as const) {
    const { body } = await get(path);
    expect((body[member] as { agent_id: string }[]).map((row) => row.agent_id)).toEqual(['coder']);
    expect((await get(`${path}?agent_id=pm`)).status).toBe(403);
  }
  expect((await get(`/api/ops/missions?proposal_id=${others.proposal.id}`)).body.missions).toEqual([]);
  expect((await get(`/api/ops/steps?mission_id=${others.mission.mission.id}`)).body.steps).toEqual([]);
});

test('an agent reads the events of its own proposals, the policy, and its own row', async () => {
  const { events } = (await get('/api/ops/events')).body as { events: { proposal_id: string }[] };
  expect(events.length).toBeGreaterThan(0);
  expect(new Set(events.map((event) => event.proposal_id))).toEqual(new Set([own.proposal.id]));
  expect((await get(`/api/ops/events?proposal_id=${others.proposal.id}`)).body.events).toEqual([]);
  expect((await get('/api/ops/policy/plans')).status).toBe(200);
  const { agents } = (await get('/api/ops/agents')).body as { agents: { agent_id: string }[] };
  expect(agents.map((agent) => agent.agent_id)).toEqual(['coder']);
});
