import { expect, test } from 'vitest';
import { approve, reject } from '../../src/loop/decide.ts';
import { DEFAULT_POLICY, POLICY_KEYS, type PolicyKey } from '../../src/policy/schema.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { proposer } from '../support/loop.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp();
const preview = (key: string, value: unknown) =>
  t.request(`/api/ops/policy/${key}/preview`, { method: 'POST', json: { value } });
type Totals = { auto_approved: number; pending: number; refused: number };
type Preview = {
  applies: boolean;
  acts_on?: string;
  proposals: number;
  from: string;
  truncated: boolean;
  before: Totals;
  after: Totals;
  changes: { from: string; to: string; gate: string | null; count: number; examples: { title: string }[] }[];
  steps: Record<'before' | 'after', Record<string, number>>;
};
const answerOf = async (key: string, value: unknown) => (await (await preview(key, value)).json()) as Preview;
const rowsOf = async (table: string) =>
  (await t.database.query<{ rows: number }>(`select count(*) as rows from ${table}`))[0]?.rows;

test('the same value gives what was decided in truth; operators have no part in it, and nothing is written', async () => {
  await setPolicy(t.database, 'kind_caps', { content: 2 }, 'test');
  const propose = proposer(t.database);
  for (let n = 0; n < 3; n++) await propose({ kind: 'content', agentId: 'pm', title: `page ${n}` });
  const first = (await propose({ kind: 'deploy', title: 'Ship it' })).proposal.id;
  const second = (await propose({ kind: 'deploy' })).proposal.id;
  for (let n = 0; n < 4; n++) await propose({ kind: 'analysis', agentId: 'qa', title: `look ${n}` });
  await approve(t.database, first, { by: 'key:x' });
  await reject(t.database, second, { by: 'key:x' });
  const before = [await rowsOf('ops_events'), await rowsOf('ops_counters')];

  const same = await answerOf('kind_caps', { content: 2 });
  expect(same).toMatchObject({
    applies: true,
    proposals: 9,
    truncated: false,
    before: { auto_approved: 4, pending: 4, refused: 1 },
    changes: [],
    steps: { before: { analyze: 8, generate: 2, review: 4, publish: 4 } },
  });
  expect([same.after, same.steps.after]).toEqual([same.before, same.steps.before]);
  const days = (Date.now() - Date.parse(same.from)) / 86_400_000;
  expect([days >= 7, days < 8]).toEqual([true, true]);
  expect([await rowsOf('ops_events'), await rowsOf('ops_counters')]).toEqual(before);
});

test('another value shows what would change, by which gate, with examples', async () => {
  expect(await answerOf('kind_caps', { content: 50, deploy: 1 })).toMatchObject({
    after: { auto_approved: 4, pending: 4, refused: 1 },
    changes: [
      { from: 'refused', to: 'pending', gate: 'kind_caps', count: 1, examples: [{ title: 'page 2' }] },
      { from: 'pending', to: 'refused', gate: 'kind_caps', count: 1, examples: [{ kind: 'deploy' }] },
    ],
  });
  const approving = await answerOf('auto_approve', { enabled: true, kinds: ['deploy'] });
  expect(approving.changes.map(({ from, to, count }) => [from, to, count])).toEqual([
    ['auto_approved', 'pending', 4],
    ['pending', 'auto_approved', 2],
  ]);
  const planned = await answerOf('plans', { ...DEFAULT_POLICY.plans, deploy: ['publish'] });
  expect([planned.changes, planned.steps.after]).toEqual([
    [],
    { analyze: 6, generate: 2, publish: 4, review: 2 },
  ]);
});

test('a day is one of the time zone that the value names', async () => {
  // As old as half a day: today in one of two zones a day apart, and yesterday in the other.
  await t.database.query(
    `update ops_proposals set created_at = created_at - interval '12 hours' where title = 'look 0'`,
  );
  const caps = { per_agent: 3, total: 500 };
  const zones = ['Etc/GMT+12', 'Etc/GMT-12', 'UTC'];
  const refused: number[] = [];
  for (const timezone of zones)
    refused.push((await answerOf('daily_caps', { timezone, ...caps })).after.refused);
  const [rows] = await t.database.query<{ refused: number[] }>(
    `select array_agg(greatest(n - 3, 0)::integer) as refused from (
       select zone, max(n) as n from (
         select zone, (created_at at time zone zone)::date, count(*) as n
         from ops_proposals, unnest($1::text[]) zone where agent_id = 'qa' group by 1, 2) as days
       group by zone order by array_position($1::text[], zone)) as zones`,
    [zones],
  );
  // One of the three pages is refused in any zone.
  expect(refused).toEqual(rows?.refused.map((n) => n + 1));
});

test('keys that decide nothing about proposals say what they act on', async () => {
  const deciding: PolicyKey[] = [
    'auto_approve',
    'daily_caps',
    'kind_caps',
    'tweet_quota',
    'plans',
    'exec_policy',
  ];
  for (const key of POLICY_KEYS) {
    const answer = await answerOf(key, DEFAULT_POLICY[key]);
    expect([key, answer.applies]).toEqual([key, deciding.includes(key)]);
    expect([key, (answer.acts_on ?? '').length > 20]).toEqual([key, !answer.applies]);
  }
});

test('what PUT refuses is refused here, too', async () => {
  expect((await problemOf(await preview('tweet_quota', { max_per_day: -1 }))).code).toBe('invalid_policy');
  expect((await problemOf(await preview('paused', 1))).code).toBe('invalid_policy');
  expect((await preview('nothing', 1)).status).toBe(404);
  expect((await preview('tweet_quota', undefined)).status).toBe(400);
  await t.database.query(`update ops_policy set value = '"broken"' where key = 'kind_caps'`);
  expect((await problemOf(await preview('tweet_quota', { max_per_day: 1 }))).code).toBe('policy_unreadable');
  await setPolicy(t.database, 'kind_caps', {}, 'test');
});

test('one preview is made at a time; who comes meanwhile is told when to ask again', async () => {
  const answers = await Promise.all(
    [1, 2, 3, 4].map((max_per_day) => preview('tweet_quota', { max_per_day })),
  );
  const refused = answers.filter(({ status }) => status === 409);
  expect([refused.length > 0, answers.some(({ status }) => status === 200)]).toEqual([true, true]);
  for (const answer of refused) {
    expect(answer.headers.get('Retry-After')).toBe('2');
    expect((await problemOf(answer)).code).toBe('conflict');
  }
  expect((await preview('tweet_quota', { max_per_day: 1 })).status).toBe(200);
});

/** Tweets of a day of UTC, one each millisecond from its beginning. */
const tweets = (daysAgo: number, count: number) =>
  t.database.query(
    `insert into ops_proposals (id, agent_id, kind, title, status, created_at, decided_at)
     select (lpad(to_hex((extract(epoch from made) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid,
       'agent-' || n % 300, 'tweet', 'tweet ' || n, 'rejected', made, made
     from generate_series(1, $2::integer) n,
       lateral (select ((now() at time zone 'UTC')::date - $1::integer)::timestamp at time zone 'UTC'
         + make_interval(secs => n / 1000.0) as made) as at_time`,
    [daysAgo, count],
  );

test('of very many the newest whole days are replayed, so that no day is judged with half of its counters', async () => {
  await t.database.query('truncate ops_proposals, ops_missions, ops_steps, ops_artefacts, ops_files');
  await setPolicy(t.database, 'daily_caps', { timezone: 'UTC', per_agent: 1_000, total: 1_000_000 }, 'test');
  await tweets(2, 30_000);
  await tweets(1, 30_000);
  await tweets(0, 1_000);
  const answer = await answerOf('tweet_quota', { max_per_day: 10 });
  expect(answer).toMatchObject({
    proposals: 31_000,
    truncated: true,
    before: { pending: 16, refused: 30_984 },
    after: { pending: 20, refused: 30_980 },
    changes: [{ from: 'refused', to: 'pending', gate: 'tweet_quota', count: 4 }],
  });
  expect(answer.from).toMatch(/T00:00:00.000Z$/);
});

test('of a day that alone is too many the first 50,000 are replayed', async () => {
  await t.database.query('truncate ops_proposals, ops_missions, ops_steps, ops_artefacts, ops_files');
  await tweets(1, 10);
  await tweets(0, 50_010);
  expect(await answerOf('tweet_quota', { max_per_day: 10 })).toMatchObject({
    proposals: 50_000,
    truncated: true,
    before: { pending: 8, refused: 49_992 },
    changes: [{ count: 2 }],
  });
});
