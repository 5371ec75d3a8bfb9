import { expect, test } from 'vitest';
import { checkCron, checkTimeZone } from '../../src/schedules/cron.ts';
import { nextDue } from '../../src/schedules/timing.ts';
import { plan } from '../support/schedules.ts';

const days = (cron: string, count: number) =>
  nextDue(plan({ cron: checkCron(cron, 'UTC') }), new Date('2027-01-01T00:00:00Z'), count).map((time) =>
    time.toISOString().slice(0, 16),
  );

test.each<[string, string[]]>([
  ['0 0 29 2 *', ['2028-02-29T00:00', '2032-02-29T00:00']],
  ['0 9 L * *', ['2027-01-31T09:00', '2027-02-28T09:00']],
  ['0 9 * * MON#2', ['2027-01-11T09:00', '2027-02-08T09:00']],
  ['0 9 * * 5L', ['2027-01-29T09:00', '2027-02-26T09:00']],
  ['0 9 * JAN,jul sun', ['2027-01-03T09:00', '2027-01-10T09:00']],
  // As in every cron: where both days are named, either will do.
  ['0 9 15 * 1', ['2027-01-04T09:00', '2027-01-11T09:00']],
  ['0 9 15 * +1', ['2027-02-15T09:00', '2027-03-15T09:00']],
  ['10-30/10 9 * * *', ['2027-01-01T09:10', '2027-01-01T09:20']],
  ['  @daily ', ['2027-01-02T00:00', '2027-01-03T00:00']],
])('%s', (cron, expected) => {
  expect(days(cron, 2)).toEqual(expected);
});

test.each([
  ['0 0 30 2 *', 'never comes'],
  ['0 0 31 4,6,9,11 *', 'never comes'],
  ['0 0 31 2 +MON#5', 'never comes'],
  ['*/10 * * * * *', 'once a minute is the most'],
  ['0 0 1 1 * 2030 7', '7 fields'],
  ['* * * *', 'Five fields are needed'],
  ['', 'Five fields are needed'],
  ['60 * * * *', '60'],
  ['*/0 * * * *', 'stepping'],
  ['5/15 * * * *', 'stepping'],
  ['0 25 * * *', '25'],
  ['0 0 * * FUNDAY', 'Five fields are needed'],
  ['2026-11-23T08:00:00', 'characters that cron has not'],
  ['0 8 * * *\u0000', 'characters that cron has not'],
  ['@reboot', 'not supported'],
])('%j is refused with a reason', (cron, says) => {
  expect(() => checkCron(cron, 'UTC')).toThrow(says);
});

test('whatever is sent, an answer takes little time', () => {
  const worst = [
    '0 0 30 2 *',
    '0 0 29 2 +SUN#5',
    '59 23 31 12 +SAT#5',
    `${Array.from({ length: 33 }, () => '*').join(',')} * * * *`,
    '0 0 30,31 2 +1#1,2#2,3#3,4#4,5#5,6#5,0#5',
    '9'.repeat(92) + ' * * * *',
  ];
  for (const cron of worst) {
    const began = performance.now();
    try {
      nextDue(
        plan({ cron: checkCron(cron, 'Australia/Lord_Howe'), timezone: 'Australia/Lord_Howe' }),
        new Date(),
        20,
      );
    } catch {
      // Refused is fine as well.
    }
    expect([cron, performance.now() - began < 500]).toEqual([cron, true]);
  }
});

test.each(['Mars/Olympus', '+02:00', '', 'UTC ', '../UTC'])('%j is no time zone', (zone) => {
  expect(() => checkTimeZone(zone)).toThrow('IANA');
});
