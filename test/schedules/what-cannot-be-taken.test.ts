import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { setAgent } from '../../src/agents/agents.ts';
import type { Database } from '../../src/db/database.ts';
import { AppError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { readSchedulesHealth } from '../../src/schedules/health.ts';
import { pauseSchedule, resumeSchedule } from '../../src/schedules/schedules.ts';
import { startScheduler } from '../../src/schedules/scheduler.ts';
import { SomebodyHoldsIt, takeDue } from '../../src/schedules/take-due.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy } from '../support/loop.ts';
import { add, date, partsOf, proposedFor, takeAll } from '../support/schedules.ts';

const db = useDatabase();
beforeEach(async () => {
  await openPolicy(db.database);
  await db.database.query('delete from ops_schedules');
});

const MINUTE = 60_000;
const now = new Date();
const ago = (minutes: number) => new Date(now.getTime() - minutes * MINUTE);
const problems = async () => (await readSchedulesHealth(db.database)).problems;

/** How often something is asked of the database. */
function counted(database: Database): { database: Database; asked: () => number } {
  let asked = 0;
  const counting: Database = {
    ...database,
    query: (...given) => {
      asked++;
      return database.query(...given);
    },
    transaction: (...given) => {
      asked++;
      return database.transaction(...given);
    },
  };
  return { database: counting, asked: () => asked };
}

function start(database: Database) {
  const scheduler = startScheduler(partsOf(database), silentLog());
  onTestFinished(() => scheduler.close());
  return scheduler;
}

test('what is late with nobody to take it is a problem that says what to do', async () => {
  const row = await add(db.database, { every_seconds: 60 });
  expect(await problems()).toEqual([]);
  await date(db.database, row.name, ago(5));
  expect(await problems()).toEqual([
    expect.stringMatching(/was to propose 5 min ago, and nobody did.*opsloop up/),
  ]);
  await takeAll([partsOf(db.database)], now);
  expect(await problems()).toEqual([]);
});

test('an agent that is gone holds up its schedule alone, is named, and when it is back the schedule goes on', async () => {
  await setAgent(db.database, 'scout', {}, 'test');
  const row = await add(db.database, { agent_id: 'scout', every_seconds: 60 });
  const other = await add(db.database, { every_seconds: 60 });
  for (const one of [row, other]) await date(db.database, one.name, ago(5));
  await db.database.query(`delete from ops_agent_config where agent_id = 'scout'`);

  const { database, asked } = counted(db.database);
  start(database);
  await eventually(async () => (await proposedFor(db.database, other.name)).length > 0);
  await eventually(async () => (await problems()).length === 1);
  expect(await problems()).toEqual([
    expect.stringMatching(/there is no agent "scout".*opsloop agents set scout/),
  ]);
  // It does not spin: what was asked until here is all there is.
  expect(asked()).toBeLessThan(12);

  await setAgent(db.database, 'scout', {}, 'test');
  database.hints.tell('schedules');
  await eventually(async () => (await proposedFor(db.database, row.name)).length > 0);
  expect(await problems()).toEqual([]);
});

test('a policy that cannot be read is named; set again, what waited is taken', async () => {
  const row = await add(db.database, { every_seconds: 60 });
  await date(db.database, row.name, ago(5));
  await db.database.query(`update ops_policy set value = '{"no": 1}' where key = 'daily_caps'`);
  const { database, asked } = counted(db.database);
  start(database);
  await eventually(async () => asked() >= 3);
  expect(await problems()).toEqual([expect.stringContaining('opsloop policy set daily_caps')]);
  expect(await proposedFor(db.database, row.name)).toEqual([]);
  await openPolicy(database);
  await eventually(async () => (await proposedFor(db.database, row.name)).length > 0);
});

test('a time zone that this program does not know holds up its schedule alone, and is named', async () => {
  const row = await add(db.database, { cron: '* * * * *' });
  const other = await add(db.database, { cron: '* * * * *' });
  for (const one of [row, other]) await date(db.database, one.name, ago(5));
  await db.database.query(`update ops_schedules set timezone = 'Mars/Olympus' where name = $1`, [row.name]);
  start(db.database);
  await eventually(async () => (await proposedFor(db.database, other.name)).length > 0);
  expect(await problems()).toEqual([expect.stringMatching(/timing cannot be read.*Mars/)]);
});

test('a database that is away is waited for, ever longer, and what came due is taken then', async () => {
  const row = await add(db.database, { every_seconds: 60 });
  await date(db.database, row.name, ago(0));
  let away = true;
  let refused = 0;
  const database: Database = {
    ...db.database,
    query: async (...given) => {
      if (!away) return db.database.query(...given);
      refused++;
      throw new AppError('database_unavailable', 'away');
    },
  };
  start(database);
  await eventually(async () => refused >= 2);
  away = false;
  await eventually(async () => (await proposedFor(db.database, row.name)).length === 1);
  expect(refused).toBeLessThan(6);
});

test('after the clock was ahead by a day and set back, it is said, and pausing and resuming helps', async () => {
  const row = await add(db.database, { every_seconds: 60 });
  await takeAll([partsOf(db.database)], new Date(now.getTime() + 1_440 * MINUTE));
  expect(await proposedFor(db.database, row.name)).toHaveLength(1);
  expect(await problems()).toEqual([expect.stringMatching(/clock was set back.*opsloop schedules pause/)]);
  await pauseSchedule(db.database, row.name, 'test');
  const { schedule } = await resumeSchedule(db.database, row.name, 'test');
  expect(await problems()).toEqual([]);
  expect(schedule.next_due_at?.getTime()).toBeLessThan(now.getTime() + 3 * MINUTE);
});

test('a scheduler with nothing to do asks nothing, and is woken by a change', async () => {
  const { database, asked } = counted(db.database);
  start(database);
  await eventually(async () => asked() > 0);
  const before = asked();
  const row = await add(database, { every_seconds: 3_600 });
  await date(database, row.name, ago(0));
  database.hints.tell('schedules');
  await eventually(async () => (await proposedFor(db.database, row.name)).length > 0);
  // Adding, dating, looking, taking and proposing, and looking again.
  expect(asked() - before).toBeLessThan(20);
});

test('one whose row somebody holds delays no other, and is taken once it is free', async () => {
  const [held, free] = [
    await add(db.database, { every_seconds: 60 }),
    await add(db.database, { every_seconds: 60 }),
  ];
  for (const { name } of [held, free]) await date(db.database, name, ago(1));
  await db.database.transaction(async (tx) => {
    await tx.query('select from ops_schedules where id = $1 for update', [held.id]);
    const { failures } = await takeDue(partsOf(db.open()), now, []);
    // It was not waited for, which would have ended with a database that is busy.
    expect([...failures]).toEqual([[held.id, expect.any(SomebodyHoldsIt)]]);
  });
  expect((await proposedFor(db.database, free.name)).length).toBeGreaterThan(0);
  expect(await proposedFor(db.database, held.name)).toEqual([]);
  await takeAll([partsOf(db.database)], now);
  expect((await proposedFor(db.database, held.name)).length).toBeGreaterThan(0);
});
