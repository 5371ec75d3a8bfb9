import { beforeAll, expect, test } from 'vitest';
import { encodeCursor } from '../../src/lib/cursor.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
const MADE = 7;

beforeAll(async () => {
  await openPolicy(t.database);
  const propose = proposer(t.database);
  for (let i = 0; i < MADE; i++)
    await propose({ title: `number ${i}`, kind: i === 3 ? 'content' : 'analysis' });
  await sealAll(t.database);
});

type Page = { next: string | null } & Record<string, unknown>;

async function walk(path: string, member: string): Promise<{ id: string; title: string; seq: number }[]> {
  const rows = [];
  for (let next: string | null = null, first = true; first || next !== null; first = false) {
    const cursor: string = next === null ? '' : `&cursor=${next}`;
    const page = (await (await t.request(`${path}${cursor}`)).json()) as Page;
    rows.push(...(page[member] as { id: string; title: string; seq: number }[]));
    next = page.next;
  }
  return rows;
}

test('pages of any size together are the whole list, the newest first', async () => {
  for (const limit of [1, 2, 6, 7, 8]) {
    const rows = await walk(`/api/ops/proposals?limit=${limit}`, 'proposals');
    expect(rows.map((row) => row.title)).toEqual(
      Array.from({ length: MADE }, (_, index) => `number ${MADE - 1 - index}`),
    );
  }
  expect(await walk('/api/ops/missions?limit=4', 'missions')).toHaveLength(MADE - 1);
  expect(await walk('/api/ops/steps?limit=4', 'steps')).toHaveLength(MADE - 1);
});

test('pages of events together are the whole log, the newest first', async () => {
  const all = await walk('/api/ops/events?limit=500', 'events');
  const paged = await walk('/api/ops/events?limit=3', 'events');
  expect(paged.map((event) => event.seq)).toEqual(all.map((event) => event.seq));
  expect(paged.map((event) => event.seq)).toEqual(
    Array.from({ length: all.length }, (_, i) => all.length - i),
  );
});

test('filters choose', async () => {
  expect(await walk('/api/ops/proposals?status=pending', 'proposals')).toHaveLength(1);
  expect(await walk('/api/ops/proposals?kind=analysis&agent_id=research', 'proposals')).toHaveLength(
    MADE - 1,
  );
  expect(await walk('/api/ops/proposals?agent_id=pm', 'proposals')).toHaveLength(0);
  expect(await walk('/api/ops/steps?status=queued&kind=analyze', 'steps')).toHaveLength(MADE - 1);
  expect(await walk('/api/ops/events?kind=mission.&entity=mission', 'events')).toHaveLength(MADE - 1);
});

test.each([
  ['limit=0', 'limit'],
  ['limit=201', '1 to 200'],
  ['limit=-1', 'limit'],
  ['limit=1e1', 'limit'],
  ['limit=5&limit=6', 'limit'],
  ['limt=5', 'did you mean "limit"'],
  ['status=done', 'status'],
  ['kind=%00', 'kind'],
  ['agent_id=', 'agent_id'],
  ['agent_id[]=pm', 'agent_id'],
  ['cursor=AAAA', 'cursor'],
  ['cursor=', 'cursor'],
])('a query of %s is refused', async (query, names) => {
  const response = await t.request(`/api/ops/proposals?${query}`);
  expect(response.status).toBe(400);
  expect((await problemOf(response)).error).toContain(names);
});

test('a cursor that was changed or made up is refused', async () => {
  const { next } = (await (await t.request('/api/ops/proposals?limit=2')).json()) as Page;
  const events = (await (await t.request('/api/ops/events?limit=2')).json()) as Page;
  for (const cursor of [`${next}A`, `${next}=`, next?.slice(1), events.next, encodeCursor("' or 1=1")]) {
    const response = await t.request(`/api/ops/proposals?cursor=${encodeURIComponent(cursor ?? '')}`);
    expect([cursor, response.status]).toEqual([cursor, 400]);
    expect((await problemOf(response)).code).toBe('invalid_cursor');
  }
  for (const cursor of [next, encodeCursor(-1), encodeCursor('9'.repeat(30)), encodeCursor('1.5')])
    expect((await t.request(`/api/ops/events?cursor=${cursor}`)).status).toBe(400);
});

test('a page of steps ends where its results become too large, and the next one goes on', async () => {
  const output = { text: 'x'.repeat(500_000) };
  await t.database.query(
    `insert into ops_steps (kind, title, status, agent_id, position, completed_at, output)
     select 'large', 'large', 'completed', 'pm', 1, now(), $1::jsonb from generate_series(1, 60)`,
    [JSON.stringify(output)],
  );
  const first = await (await t.request('/api/ops/steps?kind=large&limit=200')).text();
  expect(first.length).toBeLessThan(20_000_000);
  expect(await walk('/api/ops/steps?kind=large', 'steps')).toHaveLength(60);
  const slim = (await (await t.request('/api/ops/steps?kind=large&limit=200&slim=true')).json()) as Page;
  expect(slim).toMatchObject({ next: null });
});
