import { expect, test } from 'vitest';
import { lookOnce } from '../../src/alerts/watch.ts';
import { holdWatch, leaveWatch } from '../../src/alerts/queries.ts';
import { listAlerts } from '../../src/alerts/alerts.ts';
import { approve } from '../../src/loop/decide.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';

const db = useDatabase();
const NO_BEAT = { code: 'no_beat', message: 'The last beat was 20 min ago.' };

const eventsOf = (kind: string) =>
  db.database.query<{ entity_id: string; payload: Record<string, unknown> }>(
    'select entity_id, payload from ops_events where kind = $1 order by id',
    [kind],
  );
const clear = () => db.database.query('delete from ops_alerts');

test('a problem that lasts is told of once, and again when it is over', async () => {
  await clear();
  let before = await lookOnce(db.database, [NO_BEAT]);
  expect(await listAlerts(db.database)).toEqual([]);
  for (let looks = 0; looks < 3; looks++)
    before = await lookOnce(db.database, [{ ...NO_BEAT, message: `since ${looks}` }], before);
  expect(await listAlerts(db.database)).toMatchObject([{ key: 'problem:no_beat', topic: 'problem.no_beat' }]);
  for (let looks = 0; looks < 6; looks++) before = await lookOnce(db.database, [], before);
  expect(await listAlerts(db.database)).toEqual([]);
  expect(await eventsOf('alert.raised')).toMatchObject([
    { entity_id: 'problem:no_beat', payload: { set: { topic: 'problem.no_beat' } } },
  ]);
  expect(await eventsOf('alert.cleared')).toHaveLength(1);
});

test('a problem that comes and goes is told of once, also across restarts', async () => {
  await clear();
  const count = async () =>
    (await eventsOf('alert.raised')).length + (await eventsOf('alert.cleared')).length;
  const told = await count();
  let before = await lookOnce(db.database, [NO_BEAT], await lookOnce(db.database, [NO_BEAT]));
  for (let looks = 0; looks < 12; looks++) {
    const restarted = looks === 6;
    before = await lookOnce(db.database, looks % 3 === 0 ? [] : [NO_BEAT], restarted ? undefined : before);
  }
  expect((await count()) - told).toBe(1);
});

test('what an operator asked for is no alarm', async () => {
  await clear();
  const paused = [{ code: 'paused', message: 'Everything is paused.' }];
  await lookOnce(db.database, paused, await lookOnce(db.database, paused));
  expect(await listAlerts(db.database)).toEqual([]);
});

test('a cap that is reached is told of at once, and once', async () => {
  await clear();
  await openPolicy(db.database);
  await setPolicy(db.database, 'daily_caps', { timezone: 'UTC', per_agent: 1, total: 1_000 }, 'test');
  await proposer(db.database)({ agentId: 'scout' }).catch(() => undefined);
  await proposer(db.database)({ agentId: 'qa' });
  for (let looks = 0; looks < 2; looks++) await lookOnce(db.database, []);
  const alerts = await listAlerts(db.database);
  expect(alerts.filter(({ key }) => key.includes(':qa:'))).toMatchObject([
    {
      topic: 'cap.reached',
      message: expect.stringContaining('The agent qa reached the cap of 1 proposals a day'),
    },
  ]);
  await openPolicy(db.database);
  await lookOnce(db.database, []);
  expect(await listAlerts(db.database)).toEqual([]);
});

test('a cap of 0, which forbids, is no alarm', async () => {
  await clear();
  await openPolicy(db.database);
  await setPolicy(db.database, 'kind_caps', { deploy: 0 }, 'test');
  await lookOnce(db.database, []);
  expect(await listAlerts(db.database)).toEqual([]);
  await openPolicy(db.database);
});

test('nobody is reminded where policy says never', async () => {
  await clear();
  await openPolicy(db.database);
  await setPolicy(db.database, 'reminders', { after_minutes: 1, every_minutes: 1, most: 0 }, 'test');
  const { proposal } = await proposer(db.database)({ kind: 'deploy' });
  await db.database.query(
    `update ops_proposals set created_at = created_at - interval '2 hours' where id = $1`,
    [proposal.id],
  );
  const before = (await eventsOf('proposal.waiting')).length;
  await lookOnce(db.database, []);
  expect(await eventsOf('proposal.waiting')).toHaveLength(before);
  await approve(db.database, proposal.id, { by: 'key:a' });
});

test('a pending proposal is reminded of after a while, again later, and no more once it is decided', async () => {
  await clear();
  await openPolicy(db.database);
  await setPolicy(db.database, 'reminders', { after_minutes: 60, every_minutes: 240, most: 2 }, 'test');
  const { proposal } = await proposer(db.database)({ kind: 'deploy' });
  const remindersOf = async () =>
    (await eventsOf('proposal.waiting')).filter(({ entity_id }) => entity_id === proposal.id);
  const age = (minutes: number) =>
    db.database.query(
      'update ops_proposals set created_at = created_at - make_interval(mins => $2) where id = $1',
      [proposal.id, minutes],
    );
  const letPass = (minutes: number) =>
    db.database.query('update ops_alerts set told_at = told_at - make_interval(mins => $1)', [minutes]);

  await lookOnce(db.database, []);
  expect(await remindersOf()).toHaveLength(0);
  await age(61);
  for (let looks = 0; looks < 3; looks++) await lookOnce(db.database, []);
  expect(await remindersOf()).toMatchObject([{ payload: { minutes: 61, times: 1 } }]);
  for (let times = 0; times < 4; times++) {
    await letPass(241);
    await lookOnce(db.database, []);
  }
  expect(await remindersOf()).toHaveLength(2);

  await approve(db.database, proposal.id, { by: 'key:a' });
  await lookOnce(db.database, []);
  expect(await db.database.query('select from ops_alerts')).toEqual([]);
});

test('of many that wait, a few of the oldest are reminded of at a look', async () => {
  await clear();
  await openPolicy(db.database);
  const propose = proposer(db.database);
  for (let n = 0; n < 7; n++) await propose({ kind: 'deploy' });
  await db.database.query(
    `update ops_proposals set created_at = created_at - interval '2 hours' where decided_at is null`,
  );
  const count = async () => (await eventsOf('proposal.waiting')).length;
  const before = await count();
  await lookOnce(db.database, []);
  expect((await count()) - before).toBe(5);
  await lookOnce(db.database, []);
  expect((await count()) - before).toBe(7);
});

test('one process watches, until it leaves or does not come back', async () => {
  const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
  expect([await holdWatch(db.database, a, 90), await holdWatch(db.database, b, 90)]).toEqual([true, false]);
  expect(await holdWatch(db.database, a, 90)).toBe(true);
  await db.database.query(`update ops_watch set held_until = clock_timestamp() - interval '1 s'`);
  expect(await holdWatch(db.database, b, 90)).toBe(true);
  expect(await holdWatch(db.database, a, 90)).toBe(false);
  await leaveWatch(db.database, b);
  expect(await holdWatch(db.database, a, 90)).toBe(true);
});
