import { expect, test } from 'vitest';
import { problemOf, useApp } from '../support/app.ts';
import { date, partsOf, takeAll } from '../support/schedules.ts';

const t = useApp();

type Details = {
  schedule: Record<string, unknown> & { name: string; next_due_at: string | null };
  upcoming: string[];
  proposals: { id: string; status: string; run_at: string }[];
};
const PATH = '/api/ops/schedules';
const INPUT = { name: 'report', agent_id: 'pm', kind: 'analysis', title: 'Report', cron: '0 8 * * 1-5' };

async function call<T = Details>(method: string, path: string, json?: unknown, key?: string): Promise<T> {
  const response = await t.request(`${PATH}${path}`, { method, json, ...(key ? { key } : {}) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
const refused = async (method: string, path: string, json: unknown) =>
  problemOf(await t.request(`${PATH}${path}`, { method, json }));

test('a schedule is added, shown with its next times, changed, paused, resumed and removed', async () => {
  const added = await call('POST', '', { ...INPUT, timezone: 'Europe/Berlin' });
  expect(added.schedule).toMatchObject({
    ...INPUT,
    timezone: 'Europe/Berlin',
    missed: 'once',
    paused: false,
    version: 1,
  });
  expect(added.upcoming).toHaveLength(5);
  expect(added.upcoming[0]).toBe(added.schedule.next_due_at);
  expect(await call('GET', '/report')).toEqual(added);
  const next = await call<{ upcoming: string[] }>('GET', '/report/next?count=7');
  expect(next.upcoming.slice(0, 5)).toEqual(added.upcoming);
  expect(next.upcoming).toHaveLength(7);

  const changed = await call('PUT', '/report', { every_seconds: 900, missed: 'all', missed_most: 3 });
  expect(changed.schedule).toMatchObject({
    cron: null,
    every_seconds: 900,
    missed: 'all',
    title: 'Report',
    version: 2,
  });
  expect((await call('POST', '/report/pause', {})).upcoming).toEqual([]);
  expect((await call('POST', '/report/pause')).schedule).toMatchObject({ paused: true, version: 3 });
  expect((await call('POST', '/report/resume', {})).upcoming).toHaveLength(5);

  await date(t.database, 'report', new Date());
  await takeAll([partsOf(t.database)], new Date(Date.now() + 1_000));
  const shown = await call('GET', '/report');
  expect(shown.proposals).toMatchObject([{ status: 'approved', title: 'Report' }]);
  expect(shown.schedule.last_proposal_id).toBe(shown.proposals[0]?.id);

  await call('DELETE', '/report');
  expect((await t.request(`${PATH}/report`)).status).toBe(404);
});

test('what cannot be a schedule is refused with what is allowed', async () => {
  await call('POST', '', { ...INPUT, name: 'taken' });
  const cases: [string, string, unknown, string, string][] = [
    ['POST', '', { ...INPUT, name: 'taken' }, 'conflict', 'opsloop schedules set taken'],
    ['POST', '', { ...INPUT, agent_id: 'nobody' }, 'unknown_agent', 'opsloop agents'],
    ['POST', '', { ...INPUT, cron: '0 0 30 2 *' }, 'invalid_request', 'never comes'],
    ['POST', '', { ...INPUT, cron: '*/5 * * * * *' }, 'invalid_request', 'once a minute'],
    ['POST', '', { ...INPUT, timezone: 'Mars' }, 'invalid_request', 'IANA'],
    ['POST', '', { ...INPUT, cron: undefined }, 'invalid_request', 'says not when'],
    ['POST', '', { ...INPUT, cron: undefined, at: '2020-01-01T00:00:00Z' }, 'invalid_request', 'has passed'],
    ['POST', '', { ...INPUT, cron: undefined, at: 'tomorrow' }, 'invalid_request', 'body.at'],
    ['POST', '', { ...INPUT, cron: undefined, at: '9999-12-31T23:59:59-12:00' }, 'invalid_request', '2200'],
    [
      'POST',
      '',
      { ...INPUT, cron: undefined, every_seconds: 60, starts_at: '0000-01-01T00:00:00Z' },
      'invalid_request',
      '1970',
    ],
    ['POST', '', { ...INPUT, cron: undefined, every_seconds: 59 }, 'invalid_request', 'every_seconds'],
    ['POST', '', { ...INPUT, crn: '* * * * *' }, 'invalid_request', 'did you mean "cron"?'],
    ['POST', '', { ...INPUT, name: 'a/b' }, 'invalid_request', 'body.name'],
    ['PUT', '/taken', { name: 'other' }, 'invalid_request', 'is unknown'],
    ['PUT', '/nothing', { title: 'x' }, 'not_found', 'opsloop schedules'],
    ['DELETE', '/nothing', undefined, 'not_found', 'There is no schedule "nothing"'],
    ['GET', '/taken/next?count=101', undefined, 'invalid_request', 'from 1 to 100'],
  ];
  for (const [method, path, json, code, says] of cases) {
    const problem = await refused(method, path, json);
    expect([method, path, problem.code]).toEqual([method, path, code]);
    expect(problem.detail).toContain(says);
  }
});

test('to say again what a schedule has changes nothing, and keeps what is overdue', async () => {
  await call('POST', '', { ...INPUT, name: 'same', timezone: 'Europe/Berlin' });
  const due = new Date(Date.now() - 300_000);
  await date(t.database, 'same', due);
  const { name: _name, ...rest } = INPUT;
  const again = await call('PUT', '/same', { ...rest, timezone: 'Europe/Berlin', missed: 'once' });
  expect(again.schedule).toMatchObject({ version: 1, next_due_at: due.toISOString() });
  const titled = await call('PUT', '/same', { ...rest, title: 'Another' });
  expect(titled.schedule).toMatchObject({ version: 2, title: 'Another', next_due_at: due.toISOString() });
});

test('one that comes once and is over is resumed with another time alone', async () => {
  const at = new Date(Date.now() + 60_000).toISOString();
  await call('POST', '', { ...INPUT, name: 'single', cron: undefined, at });
  await call('POST', '/single/pause');
  await t.database.query(`update ops_schedules set at = now() - interval '1 min' where name = 'single'`);
  expect(await refused('POST', '/single/resume', {})).toMatchObject({
    code: 'conflict',
    detail: expect.stringContaining('--at'),
  });
  await call('PUT', '/single', { at: new Date(Date.now() + 3_600_000).toISOString() });
  expect((await call('POST', '/single/resume')).upcoming).toHaveLength(1);
});

test('they are listed page by page, and an agent sees its own alone', async () => {
  for (const agent_id of ['coder', 'qa', 'coder']) {
    await call('POST', '', {
      ...INPUT,
      name: `of-${agent_id}-${Math.random().toString(36).slice(2)}`,
      agent_id,
    });
  }
  type List = { schedules: { name: string; agent_id: string }[]; next: string | null };
  const first = await call<List>('GET', '?limit=2');
  const second = await call<List>('GET', `?limit=200&cursor=${first.next}`);
  const names = [...first.schedules, ...second.schedules].map((one) => one.name);
  expect([first.schedules.length, second.next]).toEqual([2, null]);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(5);

  const key = await t.key({ scopes: ['read'], agent_id: 'coder' });
  const own = await call<List>('GET', '', undefined, key);
  expect(own.schedules.map((one) => one.agent_id)).toEqual(['coder', 'coder']);
  const others = names.find((name) => name.startsWith('of-qa'));
  for (const path of [`/${others}`, `/${others}/next`])
    expect((await t.request(`${PATH}${path}`, { key })).status).toBe(404);
  expect((await t.request(`${PATH}?agent_id=qa`, { key })).status).toBe(403);
});
