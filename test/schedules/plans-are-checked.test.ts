import { expect, test } from 'vitest';
import { mergePlan } from '../../src/schedules/plan.ts';
import type { ScheduleChange } from '../../src/schedules/schema.ts';
import { plan } from '../support/schedules.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const merge = (change: ScheduleChange, before = plan({})) => mergePlan(before, change, NOW);

test.each<[ScheduleChange, string]>([
  [{}, 'it says not when'],
  [{ cron: '* * * * *', at: '2027-01-01T00:00:00Z' }, 'cron and at are given'],
  [{ cron: '* * * * *', starts_at: '2027-01-01T00:00:00Z' }, 'starts_at goes with every_seconds'],
  [{ at: '2026-11-22T11:59:59Z' }, 'has passed'],
  [{ cron: '* * * * *', timezone: 'Nowhere' }, 'IANA'],
  [{ cron: '*/5 * * * *', jitter_seconds: 300 }, '300 s apart'],
  [{ every_seconds: 60, jitter_seconds: 60 }, '60 s apart'],
])('%j is refused', (change, says) => {
  expect(() => merge(change)).toThrow(says);
});

test('another timing replaces the one there is, and what is not named stays', () => {
  const before = merge({ cron: '0 8 * * *', timezone: 'Europe/Berlin', missed: 'skip' });
  expect(merge({ every_seconds: 90 }, before)).toMatchObject({
    cron: null,
    every_seconds: 90,
    starts_at: new Date('2026-11-22T12:01:30Z'),
    timezone: 'Europe/Berlin',
    missed: 'skip',
  });
  expect(merge({ missed: 'all' }, before)).toMatchObject({ cron: '0 8 * * *', missed: 'all' });
});

test('an interval keeps its times when something else is changed, or the same is said again', () => {
  const before = merge({ every_seconds: 90 });
  expect(mergePlan(before, { every_seconds: 90 }, new Date('2026-12-01T00:00:00Z')).starts_at).toEqual(
    before.starts_at,
  );
  expect(mergePlan(before, { missed: 'skip' }, new Date('2026-12-01T00:00:00Z')).starts_at).toEqual(
    before.starts_at,
  );
});
