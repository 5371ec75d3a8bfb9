import { beforeEach, expect, test } from 'vitest';
import { openPolicy } from '../support/loop.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
type Loop = {
  proposal: { id: string; status: string };
  mission: { mission: { id: string }; steps: { id: string; status: string }[] };
};

beforeEach(() => openPolicy(t.database));

const post = (path: string, json?: unknown) => t.request(path, { method: 'POST', json });
const pending = async () => {
  const wish = { agent_id: 'pm', kind: 'content', title: 'A page', body: 'About us' };
  return ((await (await post('/api/ops/proposals', wish)).json()) as Loop).proposal.id;
};

test('approving starts the mission, and the first decision stands', async () => {
  const id = await pending();
  const response = await post(`/api/ops/proposals/${id}/approve`, { reason: 'good' });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    proposal: { status: 'approved', decision: { by: 'key:environment', reason: 'good' } },
    mission: { mission: { status: 'active' } },
  });
  const again = await post(`/api/ops/proposals/${id}/reject`);
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ code: 'conflict', status: 409, state: 'approved' });
});

test('an edit on approval keeps the original', async () => {
  const id = await pending();
  const response = await post(`/api/ops/proposals/${id}/approve`, { title: 'A better page', body: null });
  expect(await response.json()).toMatchObject({
    proposal: { title: 'A better page', body: null, original: { title: 'A page', body: 'About us' } },
    mission: { mission: { title: 'A better page' } },
  });
});

test('rejecting needs no body', async () => {
  const id = await pending();
  expect(await (await post(`/api/ops/proposals/${id}/reject`)).json()).toMatchObject({
    proposal: { id, status: 'rejected' },
  });
});

test('a cancelled mission has failed, and can be retried once', async () => {
  const id = await pending();
  const { mission } = (await (await post(`/api/ops/proposals/${id}/approve`)).json()) as Loop;
  const place = `/api/ops/missions/${mission.mission.id}`;
  expect((await post(`${place}/retry`)).status).toBe(409);
  expect(await (await post(`${place}/cancel`, { reason: 'wrong page' })).json()).toMatchObject({
    mission: { status: 'failed', failure: { class: 'cancelled', message: 'Cancelled: wrong page' } },
  });
  expect((await post(`${place}/cancel`)).status).toBe(409);
  const retried = await post(`${place}/retry`);
  expect(retried.status).toBe(201);
  expect(await retried.json()).toMatchObject({ mission: { retry_of: mission.mission.id, status: 'active' } });
  expect((await post(`${place}/retry`)).status).toBe(409);
  // The proposal shows the mission that is at work, not the first.
  const shown = (await (await t.request(`/api/ops/proposals/${id}`)).json()) as Loop;
  expect(shown.mission.mission.id).not.toBe(mission.mission.id);
});

test('what is not there cannot be decided', async () => {
  const id = crypto.randomUUID();
  expect((await post(`/api/ops/proposals/${id}/approve`)).status).toBe(404);
  expect((await post(`/api/ops/missions/${id}/cancel`)).status).toBe(404);
  expect((await post('/api/ops/missions/not-an-id/cancel')).status).toBe(400);
});
