import { beforeEach, expect, test } from 'vitest';
import { openPolicy } from '../support/loop.ts';
import { OPERATOR_KEY, problemOf, type TestRequest, useApp } from '../support/app.ts';

const t = useApp();
const WISH = { agent_id: 'research', kind: 'analysis', title: 'Look into it', body: 'One fact.' };

beforeEach(() => openPolicy(t.database));

const propose = (json: unknown, options: TestRequest = {}) =>
  t.request('/api/ops/proposals', { method: 'POST', json, ...options });

async function countProposals(): Promise<number> {
  const [row] = await t.database.query<{ n: number }>('select count(*)::integer as n from ops_proposals');
  return row?.n ?? -1;
}

test('what policy approves is answered with its mission and steps', async () => {
  const response = await propose(WISH);
  expect(response.status).toBe(201);
  expect(await response.json()).toMatchObject({
    proposal: { ...WISH, status: 'approved', created_by: 'key:environment' },
    mission: { mission: { status: 'active' }, steps: [{ kind: 'analyze', status: 'queued' }] },
  });
});

test('what policy leaves to an operator is pending and has no mission', async () => {
  const response = await propose({ ...WISH, kind: 'content' });
  expect(await response.json()).toMatchObject({ proposal: { status: 'pending' }, mission: null });
});

test('run_at is a time with its zone, and the first step waits for it', async () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  expect(await (await propose({ ...WISH, run_at: inAnHour })).json()).toMatchObject({
    proposal: { run_at: inAnHour },
    mission: { steps: [{ ready: false, available_at: inAnHour }] },
  });
  const refused = await propose({ ...WISH, run_at: 'tomorrow' });
  expect(refused.status).toBe(400);
  expect((await problemOf(refused)).detail).toContain('run_at');
});

test('a cap answers 429 with the recorded proposal and when to come back', async () => {
  await t.request('/api/ops/policy/daily_caps', {
    method: 'PUT',
    json: { value: { timezone: 'UTC', per_agent: 1, total: 100 } },
  });
  await propose({ ...WISH, agent_id: 'marketing' });
  const response = await propose({ ...WISH, agent_id: 'marketing' });
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await problemOf(response)).toMatchObject({
    code: 'cap_reached',
    refusal: { gate: 'daily_caps.per_agent', limit: 1, used: 1 },
    proposal: { status: 'rejected', agent_id: 'marketing' },
  });
});

test('a gate that allows none at all answers 422', async () => {
  await t.request('/api/ops/policy/kind_caps', { method: 'PUT', json: { value: { deploy: 0 } } });
  const response = await propose({ ...WISH, kind: 'deploy' });
  expect(response.status).toBe(422);
  expect(await problemOf(response)).toMatchObject({
    code: 'gate_refused',
    proposal: { status: 'rejected' },
  });
});

test('an operator names a known agent', async () => {
  const { agent_id: _agent, ...nobody } = WISH;
  expect((await propose(nobody)).status).toBe(400);
  const unknown = await propose({ ...WISH, agent_id: 'nobody' });
  expect(unknown.status).toBe(422);
  expect(await problemOf(unknown)).toMatchObject({ code: 'unknown_agent', agent_id: 'nobody' });
});

test("an agent's key speaks for its agent and sets no priority", async () => {
  const key = await t.key({ scopes: ['propose'], agent_id: 'coder' });
  const { agent_id: _agent, ...own } = WISH;
  expect(await (await propose(own, { key })).json()).toMatchObject({ proposal: { agent_id: 'coder' } });
  expect((await propose({ ...own, agent_id: 'coder', priority: 0 }, { key })).status).toBe(201);
  expect((await propose(WISH, { key })).status).toBe(403);
  expect((await propose({ ...own, priority: 5 }, { key })).status).toBe(403);
  expect((await propose({ ...WISH, priority: 5 }, { key: OPERATOR_KEY })).status).toBe(201);
});

test('what is not in the plan of a proposal cannot be set', async () => {
  for (const extra of [{ status: 'approved' }, { id: crypto.randomUUID() }, { policy_snapshot: {} }]) {
    const response = await propose({ ...WISH, ...extra });
    expect(response.status).toBe(400);
  }
});

test('the same Idempotency-Key gets the first answer again and makes nothing new', async () => {
  const headers = { 'idempotency-key': 'order-1' };
  const first = await propose(WISH, { headers });
  const before = await countProposals();
  // Another order of members is the same request.
  const { title, ...rest } = WISH;
  const second = await propose({ title, ...rest, priority: 0 }, { headers });
  expect(second.status).toBe(201);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  expect(await second.json()).toEqual(await first.json());
  expect(await countProposals()).toBe(before);
});

test('a refusal is repeated as a refusal', async () => {
  await t.request('/api/ops/policy/kind_caps', { method: 'PUT', json: { value: { deploy: 0, content: 1 } } });
  for (const [kind, status] of [
    ['deploy', 422],
    ['content', 429],
  ] as const) {
    if (kind === 'content') await propose({ ...WISH, kind });
    const headers = { 'idempotency-key': `refused-${kind}` };
    const first = await propose({ ...WISH, kind }, { headers });
    const again = await propose({ ...WISH, kind }, { headers });
    expect([first.status, again.status]).toEqual([status, status]);
    expect(await again.json()).toEqual(await first.json());
    expect(again.headers.has('retry-after')).toBe(status === 429);
  }
});

test('an Idempotency-Key belongs to its API key and to one request', async () => {
  const headers = { 'idempotency-key': 'order-2' };
  const key = await t.key({ scopes: ['propose'] });
  const first = (await (await propose(WISH, { headers })).json()) as { proposal: { id: string } };
  const other = (await (await propose(WISH, { headers, key })).json()) as { proposal: { id: string } };
  expect(other.proposal.id).not.toBe(first.proposal.id);
  const changed = await propose({ ...WISH, title: 'Something else' }, { headers });
  expect(changed.status).toBe(422);
  expect((await problemOf(changed)).code).toBe('idempotency_mismatch');
});

test('twenty requests at once with one Idempotency-Key make one proposal', async () => {
  const before = await countProposals();
  const headers = { 'idempotency-key': 'order-3' };
  const answers = await Promise.all(Array.from({ length: 20 }, () => propose(WISH, { headers })));
  const ids = await Promise.all(
    answers.map(async (answer) => (await answer.json()) as { proposal: { id: string } }),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
  expect(new Set(ids.map(({ proposal }) => proposal.id)).size).toBe(1);
  expect(await countProposals()).toBe(before + 1);
});

test('an Idempotency-Key is 1 to 200 visible characters', async () => {
  for (const bad of ['', 'x'.repeat(201), 'has blanks', 'ümlaut'])
    expect((await propose(WISH, { headers: { 'idempotency-key': bad } })).status).toBe(400);
});

test.each([
  ['two lines', 'a\nstatus approved'],
  ['an escape', 'a\u001b[2J'],
  ['nothing that can be seen', '\u202e\u200b\u2066'],
])('a title with %s is refused', async (_what, title) => {
  const json = { agent_id: 'pm', kind: 'analysis', title };
  expect((await t.request('/api/ops/proposals', { method: 'POST', json })).status).toBe(400);
});
