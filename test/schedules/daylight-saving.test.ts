import { expect, test } from 'vitest';
import { nextDue } from '../../src/schedules/timing.ts';
import { plan } from '../support/schedules.ts';

const due = (cron: string, timezone: string, from: string, count: number) =>
  nextDue(plan({ cron, timezone }), new Date(from), count).map((time) => time.toISOString());

test('Berlin, 02:30 on the day it does not exist: at 03:00, when the gap ends', () => {
  expect(due('30 2 * * *', 'Europe/Berlin', '2027-03-27T00:00:00Z', 3)).toEqual([
    '2027-03-27T01:30:00.000Z',
    '2027-03-28T01:00:00.000Z',
    '2027-03-29T00:30:00.000Z',
  ]);
});

test('Berlin, 02:30 on the day it exists twice: once, the first time', () => {
  expect(due('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', 3)).toEqual([
    '2026-10-24T00:30:00.000Z',
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

test('New York, 02:30 and 01:30 likewise', () => {
  expect(due('30 2 * * *', 'America/New_York', '2027-03-14T00:00:00Z', 2)).toEqual([
    '2027-03-14T07:00:00.000Z',
    '2027-03-15T06:30:00.000Z',
  ]);
  expect(due('30 1 * * *', 'America/New_York', '2026-11-01T00:00:00Z', 2)).toEqual([
    '2026-11-01T05:30:00.000Z',
    '2026-11-02T06:30:00.000Z',
  ]);
});

test('Lord Howe, whose clocks are set by half an hour: 02:10 comes at 02:30, and 01:45 once', () => {
  expect(due('10 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z', 2)).toEqual([
    '2026-10-03T15:30:00.000Z',
    '2026-10-04T15:10:00.000Z',
  ]);
  expect(due('45 1 * * *', 'Australia/Lord_Howe', '2027-04-03T12:00:00Z', 2)).toEqual([
    '2027-04-03T14:45:00.000Z',
    '2027-04-04T15:15:00.000Z',
  ]);
});

test('with a step or a star it goes by what clocks show: not in the gap, and in both of the hours', () => {
  expect(due('*/30 * * * *', 'Europe/Berlin', '2027-03-28T00:00:00Z', 3)).toEqual([
    '2027-03-28T00:30:00.000Z',
    '2027-03-28T01:00:00.000Z',
    '2027-03-28T01:30:00.000Z',
  ]);
  expect(due('*/30 2 * * *', 'Europe/Berlin', '2026-10-25T00:00:00Z', 4)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-25T01:00:00.000Z',
    '2026-10-25T01:30:00.000Z',
    '2026-10-26T01:00:00.000Z',
  ]);
});

test('an interval is time that passes, whatever clocks show', () => {
  const day = plan({
    every_seconds: 86_400,
    starts_at: new Date('2026-10-24T06:00:00Z'),
    timezone: 'Europe/Berlin',
  });
  expect(nextDue(day, new Date('2026-10-24T06:00:00Z'), 2).map((time) => time.toISOString())).toEqual([
    '2026-10-25T06:00:00.000Z',
    '2026-10-26T06:00:00.000Z',
  ]);
});
