import { expect, test } from 'vitest';
import { refusalOf } from '../../src/loop/answer.ts';
import { reject } from '../../src/loop/decide.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';

const db = useDatabase();

async function admittedOf(status: string, agentId: string): Promise<number> {
  const [row] = await db.database.query<{ n: number }>(
    'select count(*)::integer as n from ops_proposals where agent_id = $1 and status = $2',
    [agentId, status],
  );
  return row?.n ?? 0;
}

test('200 racers through two servers against a cap of 10 admit exactly 10', async () => {
  await openPolicy(db.database);
  await setPolicy(db.database, 'daily_caps', { timezone: 'UTC', per_agent: 10, total: 1_000 }, 'test');
  const servers = [proposer(db.open()), proposer(db.open())] as const;

  const results = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      servers[n % 2 === 0 ? 0 : 1]({ agentId: 'coder', title: `racer ${n}` }),
    ),
  );

  expect(results.filter((result) => result.refusal === null)).toHaveLength(10);
  expect(await admittedOf('approved', 'coder')).toBe(10);
  expect(await admittedOf('rejected', 'coder')).toBe(190);
  const [counter] = await db.database.query<{ used: number }>(
    "select used from ops_counters where scope = 'agent:coder'",
  );
  expect(counter?.used).toBe(10);
});

test('a refusal is recorded with gate, limit, use and reset time, and is a 429 that says when to come back', async () => {
  await openPolicy(db.database, ['tweet']);
  await setPolicy(db.database, 'tweet_quota', { max_per_day: 1 }, 'test');
  const propose = proposer(db.database);
  await propose({ kind: 'tweet' });
  const refused = await propose({ kind: 'tweet' });

  expect(refused.proposal).toMatchObject({ status: 'rejected', cap_day: null });
  expect(refused.refusal).toMatchObject({ gate: 'tweet_quota', scope: 'kind:tweet', limit: 1, used: 1 });
  const error = refusalOf(refused);
  expect(error?.status).toBe(429);
  expect(error?.retryAfter).toBeGreaterThan(0);
  expect(error?.retryAfter).toBeLessThanOrEqual(86_400);
});

test('a cap of 0 is a refusal for good, not a wait', async () => {
  await openPolicy(db.database);
  await setPolicy(db.database, 'kind_caps', { deploy: 0 }, 'test');
  const refused = await proposer(db.database)({ kind: 'deploy' });
  expect(refusalOf(refused)?.status).toBe(422);
});

test('rejecting by hand gives no slot back, and what a gate refused takes none', async () => {
  await openPolicy(db.database, []);
  await setPolicy(db.database, 'kind_caps', { content: 2 }, 'test');
  const propose = proposer(db.database);
  const first = await propose({ kind: 'content' });
  await reject(db.database, first.proposal.id, { by: 'operator' });
  expect((await propose({ kind: 'content' })).refusal).toBeNull();
  expect((await propose({ kind: 'content' })).refusal).not.toBeNull();
  expect((await propose({ kind: 'content' })).refusal).toMatchObject({ used: 2 });
});

test('a caller that waits for a cap leaves nothing behind', async () => {
  await openPolicy(db.database);
  await setPolicy(db.database, 'kind_caps', { task: 0 }, 'test');
  await expect(proposer(db.database)({ kind: 'task', onCap: 'wait' })).rejects.toMatchObject({
    code: 'cap_reached',
  });
  const rows = await db.database.query("select from ops_proposals where kind = 'task'");
  expect(rows).toHaveLength(0);
});

test('moving the day to another time zone counts what lies on the new day, and leaves nothing on later ones', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const moveTo = (timezone: string) =>
    setPolicy(db.database, 'daily_caps', { timezone, per_agent: 3, total: 1_000_000 }, 'test');
  await propose({ agentId: 'ops' });
  // The first day of all to begin, then the last: what was proposed seconds ago is of today in both.
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    await moveTo(zone);
    const counters = await db.database.query<{ used: number; today: boolean }>(
      `select used, day = (now() at time zone $1)::date as today from ops_counters
       where scope = 'agent:ops' and day >= (now() at time zone $1)::date`,
      [zone],
    );
    expect(counters).toMatchObject([{ today: true }]);
    expect((await propose({ agentId: 'ops' })).refusal).toBeNull();
  }
  expect((await propose({ agentId: 'ops' })).refusal).toMatchObject({
    gate: 'daily_caps.per_agent',
    used: 3,
  });
});
