import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cronAfter, cronThrough } from '../../src/schedules/cron.ts';
import { dueAmong, type Field, type Fields, minutesAround, toCron } from '../support/wall-clock.ts';

const DAYS = 4;
/** Where clocks are set forward and back: by an hour at night, by half an hour, and not at all. */
const CHANGES: [zone: string, at: string][] = [
  ['Europe/Berlin', '2027-03-28T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2027-03-14T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Australia/Lord_Howe', '2027-04-03T15:00:00Z'],
  ['Asia/Kathmandu', '2027-01-01T00:00:00Z'],
];

const some = (most: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 4 });
const field = (most: number): fc.Arbitrary<Field> =>
  fc.oneof(
    some(most),
    some(Math.min(most, 3)),
    fc.record({ step: fc.integer({ min: 1, max: 20 }) }),
    fc.constant('*' as const),
  );
const fields: fc.Arbitrary<Fields> = fc.record({
  minute: field(59),
  hour: field(23),
  weekday: fc.oneof(some(6), fc.constant('*' as const)),
});

test('due times are what clocks on walls show, also on the days when they are set', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CHANGES), fields, ([zone, at], given) => {
      const minutes = minutesAround(zone, at, DAYS);
      const cron = toCron(given);
      // The first and the last day are not whole where the zone is.
      const begin = Date.parse(at) - (DAYS / 2 - 1) * 86_400_000;
      const end = Date.parse(at) + (DAYS / 2 - 1) * 86_400_000;
      const expected = dueAmong(minutes, given).filter((due) => due > begin && due <= end);

      const forward: number[] = [];
      for (let due = cronAfter(cron, zone, new Date(begin)); due !== null && due.getTime() <= end; )
        due = cronAfter(cron, zone, new Date(forward[forward.push(due.getTime()) - 1] ?? 0));
      const show = (times: number[]) => [cron, zone, ...times.map((time) => new Date(time).toISOString())];
      expect(show(forward)).toEqual(show(expected));

      const back = cronThrough(cron, zone, new Date(end), expected.length).map((due) => due.getTime());
      expect(show(back)).toEqual(show(expected));
    }),
    { numRuns: 150 },
  );
}, 120_000);
