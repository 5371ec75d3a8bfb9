import { expect, test } from 'vitest';
import { listPolicy, readPolicy, readPolicyKey, setPaused, setPolicy } from '../../src/policy/policy.ts';
import { DEFAULT_POLICY } from '../../src/policy/schema.ts';
import { useDatabase } from '../support/database.ts';

const db = useDatabase();

test('a fresh database has the default policy', async () => {
  expect(await readPolicy(db.database)).toEqual(DEFAULT_POLICY);
});

test.each([
  ['auto_approve', { enabled: 'yes', kinds: [] }],
  ['auto_approve', { enabled: true, kinds: ['a b'] }],
  ['auto_approve', { enabled: true, kinds: [], more: 1 }],
  ['daily_caps', { timezone: 'Mars/Olympus', per_agent: 1, total: 1 }],
  ['daily_caps', { timezone: 'UTC', per_agent: -1, total: 1 }],
  ['daily_caps', { timezone: 'UTC', per_agent: 1.5, total: 1 }],
  ['kind_caps', { content: null }],
  ['plans', { content: [] }],
  ['stale_steps', { after_minutes: 0, max_failures: 3 }],
  ['stale_steps', { after_minutes: 100_000, max_failures: 3 }],
  ['paused', { enabled: true }],
  ['token_caps', 5],
])('%s refuses %j when it is set, with the reason, and keeps the old value', async (key, value) => {
  const before = await listPolicy(db.database);
  await expect(setPolicy(db.database, key, value, 'key:x')).rejects.toMatchObject({ code: 'invalid_policy' });
  expect(await listPolicy(db.database)).toEqual(before);
});

test('an unknown key is refused with the known ones', async () => {
  await expect(setPolicy(db.database, 'constructor', {}, 'key:x')).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('daily_caps'),
  });
});

test('a change is one event with both values; setting the same again is none', async () => {
  await setPolicy(db.database, 'tweet_quota', { max_per_day: 3 }, 'key:x');
  await setPolicy(db.database, 'tweet_quota', { max_per_day: 3 }, 'key:y');
  const events = await db.database.query(
    "select payload from ops_events where kind = 'policy.changed' and entity_id = 'tweet_quota' order by id desc limit 1",
  );
  expect(events).toEqual([
    { payload: { from: { max_per_day: 8 }, to: { max_per_day: 3 }, cause: { by: 'key:x' } } },
  ]);
});

test('a calendar day is 23 or 25 hours long when it must be', async () => {
  const hours = async (day: string) => {
    const [row] = await db.database.query<{ hours: number }>(
      `select extract(epoch from (($1::date + 1)::timestamp at time zone 'Europe/Berlin')
         - ($1::date::timestamp at time zone 'Europe/Berlin'))::integer / 3600 as hours`,
      [day],
    );
    return row?.hours;
  };
  expect([await hours('2026-03-29'), await hours('2026-10-25'), await hours('2026-11-22')]).toEqual([
    23, 25, 24,
  ]);
});

test('the brake works whatever else is wrong with the policy', async () => {
  await db.database.query(`update ops_policy set value = '"broken"' where key in ('kind_caps', 'paused')`);
  expect(await setPaused(db.database, true, undefined, 'key:x')).toEqual({ enabled: true, agents: [] });
  expect(await setPaused(db.database, false, 'qa', 'key:x')).toEqual({ enabled: true, agents: [] });
  expect(await readPolicyKey(db.database, 'stale_steps')).toEqual(DEFAULT_POLICY.stale_steps);
  await setPolicy(db.database, 'paused', DEFAULT_POLICY.paused, 'key:x');
  await setPolicy(db.database, 'kind_caps', DEFAULT_POLICY.kind_caps, 'key:x');
});
