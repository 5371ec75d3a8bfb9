import { expect, test } from 'vitest';
import type { Fleet } from '../../src/fleet/schema.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
type Applied = {
  changes: {
    section: string;
    name: string;
    action: string;
    members: { name: string; from: unknown; to: unknown }[];
  }[];
  keys: { name: string; key: string }[];
  signing_secrets: { name: string; secret: string }[];
};

const post = (fleet: unknown, more: Record<string, unknown> = {}) =>
  t.request('/api/ops/fleet', { method: 'POST', json: { fleet, ...more } });
async function apply(fleet: unknown, more: Record<string, unknown> = {}): Promise<Applied> {
  const answer = await post(fleet, more);
  expect([answer.status, answer.status === 200 ? '' : await answer.clone().text()]).toEqual([200, '']);
  return (await answer.json()) as Applied;
}
const exported = async () => ((await (await t.request('/api/ops/fleet')).json()) as { fleet: Fleet }).fleet;
const countEvents = async () =>
  (await t.database.query<{ n: number }>('select count(*)::integer as n from ops_events'))[0]?.n ?? 0;
const said = ({ changes }: Applied) =>
  changes.map(({ section, name, action }) => `${action} ${section} ${name}`);

const FLEET = {
  agents: { scout: { display_name: 'Scout', role: 'research' } },
  keys: { laptop: { agent: 'scout', scopes: ['propose', 'read'] } },
  policy: { daily_caps: { timezone: 'UTC', per_agent: 7, total: 70 } },
  schedules: {
    morning: {
      agent_id: 'scout',
      kind: 'research',
      title: 'News?',
      cron: '0 7 * * *',
      timezone: 'Europe/Berlin',
    },
  },
  webhooks: { phone: { url: 'https://hooks.example/x', topics: ['problem'] } },
};

test('everything is made, its secrets are shown once, and to apply it again changes nothing', async () => {
  const applied = await apply(FLEET);
  expect(said(applied)).toEqual([
    'created agents scout',
    'changed policy daily_caps',
    'created schedules morning',
    'created webhooks phone',
    'created keys laptop',
  ]);
  expect(applied.keys).toEqual([{ name: 'laptop', key: expect.stringMatching(/^ops_/) }]);
  expect(applied.signing_secrets).toEqual([{ name: 'phone', secret: expect.stringMatching(/^whsec_/) }]);
  const opens = await t.request('/api/ops/proposals', { key: applied.keys[0]?.key ?? '' });
  expect(opens.status).toBe(200);

  const before = await countEvents();
  expect(await apply(FLEET)).toEqual({ changes: [], keys: [], signing_secrets: [] });
  expect(await countEvents()).toBe(before);
});

test('a dry run shows the same and changes nothing', async () => {
  const before = [await countEvents(), await exported()];
  const wanted = { ...FLEET, keys: { other: { scopes: ['read'] } }, agents: { newcomer: {} } };
  const shown = await apply(wanted, { dry_run: true });
  expect(said(shown)).toEqual(['created agents newcomer', 'created keys other']);
  expect(shown.keys).toEqual([]);
  expect([await countEvents(), await exported()]).toEqual(before);
});

test('what is changed is told member by member, and a member left out goes', async () => {
  const { changes } = await apply({
    schedules: { morning: { ...FLEET.schedules.morning, cron: '0 8 * * *', paused: true } },
    agents: { scout: { role: 'qa' } },
  });
  expect(changes).toEqual([
    {
      section: 'agents',
      name: 'scout',
      action: 'changed',
      members: [
        { name: 'display_name', from: 'Scout', to: null },
        { name: 'role', from: 'research', to: 'qa' },
      ],
    },
    {
      section: 'schedules',
      name: 'morning',
      action: 'changed',
      members: [
        { name: 'cron', from: '0 7 * * *', to: '0 8 * * *' },
        { name: 'paused', from: null, to: true },
      ],
    },
  ]);
});

test.each([
  [
    { schedules: { bad: { agent_id: 'scout', kind: 'x', title: 'x', cron: '99 * * * *' } } },
    ['schedules', 'bad'],
  ],
  [
    { schedules: { bad: { agent_id: 'nobody', kind: 'x', title: 'x', cron: '0 7 * * *' } } },
    ['schedules', 'bad'],
  ],
  [{ keys: { laptop: { agent: 'scout', scopes: ['read'] } } }, ['keys', 'laptop']],
  [{ keys: { mighty: { agent: 'scout', scopes: ['approve'] } } }, ['keys', 'mighty']],
  [
    { webhooks: { bad: { url: 'https://x.example/', template: 'ntfy', topics: ['problem'] } } },
    ['webhooks', 'bad'],
  ],
  [{ policy: { daily_caps: { timezone: 'Mars/Base', per_agent: 1, total: 1 } } }, undefined],
])('%j is refused with its place, and nothing of the rest is done', async (bad, path) => {
  const before = [await countEvents(), await exported()];
  const answer = await post({ ...bad, agents: { bystander: { role: 'qa' } } });
  expect([400, 403, 409, 422]).toContain(answer.status);
  const problem = await problemOf(answer);
  if (path) expect(problem['path']).toEqual(path);
  expect([await countEvents(), await exported()]).toEqual(before);
});

test('with prune, schedules and webhooks that are not named go, and agents stay', async () => {
  await apply(FLEET);
  expect(said(await apply({ schedules: {} }))).toEqual([]);
  expect(said(await apply({ schedules: {} }, { prune: true }))).toEqual(['removed schedules morning']);
  const after = await exported();
  expect(Object.keys(after.schedules ?? {})).toEqual([]);
  expect(Object.keys(after.webhooks ?? {})).toEqual(['phone']);
  expect(Object.keys(after.agents ?? {})).toContain('scout');
});

test('what is exported, applied to it, changes nothing', async () => {
  await apply(FLEET);
  const before = await countEvents();
  expect(said(await apply(await exported(), { prune: true }))).toEqual([]);
  expect(await countEvents()).toBe(before);
});

test('of several at once each is whole', async () => {
  const withCaps = (n: number) => ({
    policy: { daily_caps: { timezone: 'UTC', per_agent: n, total: n } },
    agents: { scout: { role: `r${n}` } },
  });
  const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => post(withCaps(n))));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  const { policy, agents } = await exported();
  expect(agents?.['scout']?.role).toBe(`r${policy?.daily_caps?.total}`);
});

test('whoever may not decide cannot have links made by a file', async () => {
  const key = await t.key({ scopes: ['admin'] });
  const fleet = { webhooks: { mine: { ...FLEET.webhooks.phone, links: true } } };
  const answer = await t.request('/api/ops/fleet', { method: 'POST', key, json: { fleet } });
  expect(answer.status).toBe(403);
});
