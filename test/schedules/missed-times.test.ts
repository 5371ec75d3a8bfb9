import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plan } from '../../src/schedules/schema.ts';
import { moveOf, placeAfter, runAt } from '../../src/schedules/timing.ts';
import { allowed, plan } from '../support/schedules.ts';

const BEGIN = new Date('2027-03-27T00:00:00Z');
const MINUTE = 60_000;

/** What is proposed when somebody looks at these times only, and takes all that is due. */
function proposed(given: Plan, looks: Date[]): Date[] {
  const times: Date[] = [];
  let { next_due_at: next, next_run_at: run } = placeAfter(given, BEGIN);
  for (const now of looks)
    while (next !== null && run !== null && run <= now) {
      const move = moveOf(given, next, now);
      if (move.due) times.push(move.due);
      ({ next_due_at: next, next_run_at: run } = move.place);
    }
  return times;
}

const hourly = { every_seconds: 3_600, starts_at: BEGIN };
const after = (minutes: number) => new Date(BEGIN.getTime() + minutes * MINUTE);

test('after five hours away: skip proposes what is due now, once the newest, all the newest so many', () => {
  const looks = [after(60), after(6 * 60)];
  expect(proposed(plan({ ...hourly, missed: 'skip' }), looks)).toEqual([after(60), after(360)]);
  expect(proposed(plan({ ...hourly, missed: 'once' }), looks)).toEqual([after(60), after(360)]);
  expect(proposed(plan({ ...hourly, missed: 'all', missed_most: 3 }), looks)).toEqual([
    after(60),
    after(240),
    after(300),
    after(360),
  ]);
});

test('and a minute and a bit later, skip proposes nothing', () => {
  const late = [after(6 * 60 + 1.1), after(7 * 60)];
  expect(proposed(plan({ ...hourly, missed: 'skip' }), late)).toEqual([after(420)]);
  expect(proposed(plan({ ...hourly, missed: 'once' }), late)).toEqual([after(360), after(420)]);
});

test('a time that comes once is proposed late, or not at all, as the rule says', () => {
  const once = { at: after(10) };
  expect(proposed(plan({ ...once, missed: 'once' }), [after(60)])).toEqual([after(10)]);
  expect(proposed(plan({ ...once, missed: 'skip' }), [after(60)])).toEqual([]);
});

test('years away cost no more than an hour', () => {
  const minutely = plan({ cron: '* * * * *', missed: 'all', missed_most: 100 });
  const next = new Date('1990-01-01T00:00:00Z');
  const began = performance.now();
  const move = moveOf(minutely, next, BEGIN);
  expect(performance.now() - began).toBeLessThan(500);
  expect(move).toMatchObject({ due: new Date(BEGIN.getTime() - 99 * MINUTE), missedFrom: next });
});

test('two that jitter brings together were not missed', () => {
  const given = plan({ every_seconds: 60, starts_at: BEGIN, jitter_seconds: 59 });
  const due = Array.from({ length: 500 }, (_, n) => after(n));
  const close = due.findIndex(
    (time, n) => n > 0 && runAt(given, after(n + 1)).getTime() - runAt(given, time).getTime() < 20_000,
  );
  const looks = [runAt(given, after(close - 1)), runAt(given, after(close + 1))];
  for (const missed of ['once', 'skip'] as const)
    expect(proposed({ ...given, missed }, looks).slice(-2)).toEqual([after(close), after(close + 1)]);
});

test('what is passed over is told: from the first to what comes instead', () => {
  expect(moveOf(plan({ ...hourly, missed: 'once' }), after(60), after(360))).toMatchObject({
    due: after(360),
    missedFrom: after(60),
    place: { next_due_at: after(420) },
  });
  expect(moveOf(plan({ ...hourly, missed: 'once' }), after(60), after(60)).missedFrom).toBeNull();
});

const plans = fc.record({
  timing: fc.constantFrom<Partial<Plan>>(
    { cron: '*/30 * * * *' },
    { cron: '30 2 * * *' },
    { cron: '15 1,2,3 * * *' },
    { cron: '0 */2 * * *' },
    { every_seconds: 5_400, starts_at: BEGIN },
    { at: after(100) },
    { every_seconds: 1_740, starts_at: BEGIN },
  ),
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
  missed: fc.constantFrom('skip' as const, 'once' as const, 'all' as const),
  missed_most: fc.integer({ min: 1, max: 5 }),
  jitter_seconds: fc.constantFrom(0, 60, 1_700),
});
const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 900 })), {
  maxLength: 30,
});

test('however looks fall, what is proposed is what the rule allows, each time once', () => {
  fc.assert(
    fc.property(plans, steps, ({ timing, ...rest }, minutes) => {
      const given = plan({ ...rest, ...timing });
      let at = 0;
      const looks = minutes.map((minute) => after((at += minute)));
      expect(proposed(given, looks)).toEqual(allowed(given, BEGIN, looks));
    }),
    { numRuns: 300 },
  );
});
