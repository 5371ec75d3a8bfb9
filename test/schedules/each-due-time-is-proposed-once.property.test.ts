import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { AmbiguousCommit, type Database } from '../../src/db/database.ts';
import type { ScheduleInput } from '../../src/schedules/schema.ts';
import { placeAfter } from '../../src/schedules/timing.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, readLog } from '../support/loop.ts';
import { add, allowed, date, partsOf, proposedFor, takeAll } from '../support/schedules.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database));

/** A day before clocks are set forward in Berlin, and two weeks after in New York. */
const BEGIN = new Date('2027-03-27T00:00:00Z');

/** What goes wrong in one transaction: nothing, a rollback at its end, or a commit whose answer is lost. */
type Fault = 'none' | 'rolled back' | 'answer lost' | 'ambiguous';

/** A database on which transactions go wrong in turn. */
function faulty(database: Database, faults: readonly Fault[]): Database {
  let turn = 0;
  return {
    ...database,
    async transaction(work, opening) {
      const fault = faults[turn++ % faults.length] ?? 'none';
      const result = await database.transaction(async (tx) => {
        const done = await work(tx);
        if (fault === 'rolled back') throw new Error('killed before its commit');
        return done;
      }, opening);
      if (fault === 'answer lost') throw new Error('killed after its commit');
      if (fault === 'ambiguous') throw new AmbiguousCommit(new Error('cut'));
      return result;
    },
  };
}

const schedules = fc.array(
  fc.record({
    timing: fc.constantFrom<Partial<ScheduleInput>>(
      { cron: '*/20 * * * *' },
      { cron: '30 2 * * *' },
      { cron: '0 1-5 * * *' },
      { every_seconds: 4_000, starts_at: BEGIN.toISOString() },
      { at: '2027-03-27T05:00:00Z' },
    ),
    timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'),
    missed: fc.constantFrom('skip' as const, 'once' as const, 'all' as const),
    missed_most: fc.integer({ min: 1, max: 4 }),
    jitter_seconds: fc.constantFrom(0, 300),
  }),
  { minLength: 1, maxLength: 4 },
);
/** Minutes from one look to the next: one process or both were away so long. */
const away = fc.array(fc.oneof(fc.integer({ min: 0, max: 25 }), fc.integer({ min: 30, max: 800 })), {
  minLength: 1,
  maxLength: 6,
});
const faults = fc.array(fc.constantFrom<Fault>('none', 'none', 'rolled back', 'answer lost', 'ambiguous'), {
  maxLength: 5,
});

test('with two schedulers that are cut off and begin anew, what is proposed is what the rule allows, each time once', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(schedules, away, faults, async (given, minutes, goesWrong) => {
      await db.database.query('delete from ops_schedules');
      const rows = [];
      for (const { timing, ...rest } of given) {
        const row = await add(db.database, { ...rest, ...timing, name: `once-${++made}` });
        const { next_due_at, next_run_at } = placeAfter(row, BEGIN);
        if (next_due_at && next_run_at) await date(db.database, row.name, next_due_at, next_run_at);
        rows.push(row);
      }
      let at = BEGIN.getTime();
      const looks = minutes.map((minute) => new Date((at += minute * 60_000)));
      const broken = faulty(db.database, [...goesWrong, 'none']);
      for (const now of looks) {
        // Each look by processes that know nothing of the one before.
        await takeAll([partsOf(broken), partsOf(db.database)], now);
        expect(await takeAll([partsOf(db.database), partsOf(db.database)], now)).toEqual([]);
      }
      for (const row of rows)
        expect([row.name, await proposedFor(db.database, row.name)]).toEqual([
          row.name,
          allowed(row, BEGIN, looks),
        ]);
    }),
    { numRuns: 30 },
  );
  expect(made).toBeGreaterThan(20);

  const told = (await readLog(db.database)).filter((event) => event.kind === 'schedule.proposed');
  const [stored] = await db.database.query<{ n: number }>(
    `select count(*) as n from ops_proposals where created_by like 'schedule:%'`,
  );
  expect(stored?.n).toBeGreaterThan(10);
  expect(new Set(told.map((event) => event.payload?.proposal_id)).size).toBe(stored?.n);
}, 120_000);

test('a hundred that are due together, with three schedulers: a hundred proposals', async () => {
  await db.database.query('delete from ops_schedules');
  const now = new Date();
  await Promise.all(
    Array.from({ length: 100 }, () => add(db.database, { cron: '* * * * *', title: 'Together' })),
  );
  const due = new Date(now.getTime() - 1_000);
  await db.database.query('update ops_schedules set next_due_at = $1, next_run_at = $1', [due]);
  expect(await takeAll([partsOf(db.open()), partsOf(db.open()), partsOf(db.open())], now)).toEqual([]);
  const rows = await db.database.query<{ created_by: string }>(
    `select created_by from ops_proposals where title = 'Together'`,
  );
  expect(rows).toHaveLength(100);
  expect(new Set(rows.map((row) => row.created_by)).size).toBe(100);
});
