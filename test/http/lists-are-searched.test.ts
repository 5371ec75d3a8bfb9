import { beforeAll, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
type Row = { id: string; title: string } & Record<string, unknown>;
type Page = { rows: Row[]; next: string | null };
const get = async (what: string, query: Record<string, string>): Promise<Page> => {
  const response = await t.request(`/api/ops/${what}?${new URLSearchParams(query).toString()}`);
  const page = (await response.json()) as Record<string, Row[]> & { next: string | null };
  return { rows: page[what] ?? [], next: page.next };
};
const titles = async (what: string, query: Record<string, string>) =>
  (await get(what, query)).rows.map(({ title }) => title);

const TITLES = ['Ärger mit der Pumpe', '100% sure', 'snake_case', 'A plain look', 'Another LOOK'];
const ids: string[] = [];

beforeAll(async () => {
  await openPolicy(t.database);
  const propose = proposer(t.database);
  for (const title of TITLES) ids.push((await propose({ title, agentId: 'pm' })).proposal.id);
});

test.each(['proposals', 'missions'])(
  '%s are found by a part of their title, in whatever case',
  async (what) => {
    expect(await titles(what, { q: 'look' })).toEqual(['Another LOOK', 'A plain look']);
    expect(await titles(what, { q: 'ÄRGER' })).toEqual(['Ärger mit der Pumpe']);
    expect(await titles(what, { q: '%' })).toEqual(['100% sure']);
    expect(await titles(what, { q: '_' })).toEqual(['snake_case']);
    expect(await titles(what, { q: 'look', agent_id: 'qa' })).toEqual([]);
    expect(await titles(what, { q: 'nothing of it' })).toEqual([]);
  },
);

test.each(['proposals', 'missions'])('%s are found by their id, whatever else is true', async (what) => {
  const { rows } = await get(what, {});
  const { id = '', title } = rows.at(-1) ?? {};
  expect(await titles(what, { q: id.toUpperCase() })).toEqual([title]);
  expect(await titles(what, { q: crypto.randomUUID() })).toEqual([]);
});

test('a page of what was found goes on where it ended', async () => {
  const first = await get('proposals', { q: 'a', limit: '2' });
  const second = await get('proposals', { q: 'a', limit: '2', cursor: first.next ?? '' });
  expect([...first.rows, ...second.rows].map(({ title }) => title)).toEqual(
    TITLES.filter((title) => /a/i.test(title))
      .toReversed()
      .slice(0, 4),
  );
});

test.each(['', 'x'.repeat(101), 'a\u0000b', 'a\nb'])('a search for %j is refused', async (q) => {
  const response = await t.request(`/api/ops/missions?${new URLSearchParams({ q }).toString()}`);
  expect([response.status, (await problemOf(response)).error]).toEqual([400, expect.stringContaining('q')]);
});

test('one page looks at 5,000 rows, and the next one goes on after them', async () => {
  await t.database.query(
    `insert into ops_proposals (id, agent_id, kind, title, status, decided_at)
     select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint + n), 12, '0') || '70008000000000000000')::uuid,
       'pm', 'analysis', 'one of many', 'rejected', now() from generate_series(1, 5000) n`,
  );
  const first = await get('proposals', { q: 'look' });
  expect([first.rows, first.next]).toEqual([[], expect.any(String)]);
  const second = await get('proposals', { q: 'look', cursor: first.next ?? '' });
  expect([second.rows.map(({ title }) => title), second.next]).toEqual([
    ['Another LOOK', 'A plain look'],
    null,
  ]);
  // The other filters choose which rows are looked at.
  expect(await titles('proposals', { q: 'look', status: 'approved' })).toHaveLength(2);
  expect(await titles('proposals', { q: ids[0] ?? '' })).toEqual([TITLES[0]]);
});

test('pending proposals come oldest first when asked so, page by page; others do not', async () => {
  const propose = proposer(t.database);
  for (const title of ['first', 'second', 'third']) await propose({ title, kind: 'deploy' });
  const query = { status: 'pending', oldest: 'true', limit: '2' };
  const first = await get('proposals', query);
  const second = await get('proposals', { ...query, cursor: first.next ?? '' });
  expect([...first.rows, ...second.rows].map(({ title }) => title)).toEqual(['first', 'second', 'third']);
  expect([first.rows.length, second.next]).toEqual([2, null]);
  expect(await titles('proposals', { ...query, q: 'IR' })).toEqual(['first', 'third']);
  const refused = await t.request('/api/ops/proposals?oldest=true');
  expect([refused.status, (await problemOf(refused)).error]).toEqual([
    400,
    expect.stringContaining('pending'),
  ]);
});

test("a worker's steps are found: those it works now, and those it worked", async () => {
  const [one, other] = [await testWorker(t.database), await testWorker(t.database)];
  const done = await one.claimOne();
  await completeSteps(t.database, [{ ...done, output: { text: 'x' } }]);
  const running = await one.claimOne();
  await other.claimOne();
  const stepIds = async (query: Record<string, string>) =>
    (await get('steps', { worker_id: one.workerId, ...query })).rows.map(({ id }) => id);
  expect(await stepIds({ status: 'running' })).toEqual([running.id]);
  expect((await stepIds({})).toSorted()).toEqual([done.id, running.id].toSorted());
  expect(await stepIds({ status: 'completed' })).toEqual([done.id]);
  expect(await titles('steps', { worker_id: 'nobody' })).toEqual([]);
  expect((await t.request('/api/ops/steps?worker_id=%00')).status).toBe(400);
});
