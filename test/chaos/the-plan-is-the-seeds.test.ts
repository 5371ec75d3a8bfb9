import { expect, test } from 'vitest';
import { FAULTS } from '../../chaos/faults/all.ts';
import { readOptions } from '../../chaos/options.ts';
import { LANES, makePlan } from '../../chaos/plan.ts';

test('the same seed gives the same plan, another one another', () => {
  expect(makePlan(7, 3, FAULTS)).toEqual(makePlan(7, 3, FAULTS));
  expect(makePlan(7, 3, FAULTS)).not.toEqual(makePlan(8, 3, FAULTS));
});

test('in three minutes every fault strikes, whatever the seed, and those of one lane after each other', () => {
  for (let seed = 0; seed < 200; seed++) {
    const plan = makePlan(seed, 3, FAULTS);
    expect(new Set(plan.map(({ name }) => name))).toEqual(new Set(FAULTS.map(({ name }) => name)));
    for (const lane of LANES) {
      const own = plan.filter((one) => one.lane === lane);
      for (const [n, one] of own.entries()) {
        expect(one.atSeconds).toBeGreaterThan((own[n - 1]?.atSeconds ?? 0) + (own[n - 1]?.seconds ?? 0));
        expect(one.atSeconds + one.seconds).toBeLessThan(180);
      }
    }
  }
});

test('a plan that leaves a fault out for want of time is refused', () => {
  expect(() => makePlan(1, 1, FAULTS)).toThrow('1 minutes are too short for every fault; give 3 or more');
});

test('options choose faults by the beginnings of their names, and refuse what is not there', () => {
  const names = readOptions(['--only', 'kill-,cut', '--without', 'kill-postgres'])?.faults.map(
    ({ name }) => name,
  );
  expect(names).toEqual(['kill-worker', 'kill-server', 'kill-http-worker', 'cut', 'kill-pgbouncer']);
  expect(() => readOptions(['--without', 'rain'])).toThrow('There is no fault rain; there are kill-worker,');
  expect(() => readOptions(['--minutes', 'x'])).toThrow('--minutes x');
  expect(readOptions(['--help'])).toBeNull();
});
