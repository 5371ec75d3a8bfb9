import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { backoffMs, jittered } from '../../src/lib/backoff.ts';
import { LlmError, type LlmErrorClass } from '../../src/llm/llm.ts';
import { fateOf } from '../../src/worker/classify.ts';
import { StepError } from '../../src/worker/handler.ts';

const failures = fc.integer({ min: 0, max: 10_000 });
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

test('the back-off stays within 5 s and 5 min, never shrinks, and reaches both ends', () => {
  const retry = (n: number) => fateOf(new Error('x'), n).retryInMs;
  fc.assert(
    fc.property(failures, (n) => {
      expect(retry(n)).toBeGreaterThanOrEqual(5_000);
      expect(retry(n)).toBeLessThanOrEqual(300_000);
      expect(retry(n + 1)).toBeGreaterThanOrEqual(retry(n));
    }),
  );
  expect([0, 1, 2, 5, 6, 7, 1_000_000].map(retry)).toEqual([
    5_000, 10_000, 20_000, 160_000, 300_000, 300_000, 300_000,
  ]);
});

test('any back-off is a whole, finite delay between its ends', () => {
  const ms = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(fc.integer(), ms, ms, (n, a, b) => {
      const [firstMs, maxMs] = [Math.min(a, b), Math.max(a, b)];
      const delay = backoffMs(n, { firstMs, maxMs });
      expect(delay).toBeGreaterThanOrEqual(firstMs);
      expect(delay).toBeLessThanOrEqual(maxMs);
      expect(Number.isInteger(delay)).toBe(true);
    }),
  );
});

test('jitter spreads a delay over 0.8 to 1.2 of itself, in the order of the chance', () => {
  const ms = fc.integer({ min: 0, max: DAY_MS });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(ms, chance, chance, (delay, a, b) => {
      const [low, high] = [jittered(delay, () => Math.min(a, b)), jittered(delay, () => Math.max(a, b))];
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(Math.floor(delay * 0.8));
      expect(high).toBeLessThanOrEqual(Math.ceil(delay * 1.2));
    }),
  );
  expect(jittered(10_000, () => 0)).toBe(8_000);
  expect(jittered(10_000, () => 1 - Number.EPSILON)).toBe(12_000);
});

test.each(['unavailable', 'rate_limited', 'model_missing'] satisfies LlmErrorClass[])(
  'a model that is %s is waited for, as long as its server asks, but an hour at most',
  (errorClass) => {
    const given = fc.option(fc.integer({ min: -1, max: 10 * DAY_MS }), { nil: undefined });
    fc.assert(
      fc.property(given, failures, (retryAfterMs, n) => {
        const fate = fateOf(new LlmError(errorClass, 'x', { retryAfterMs }), n);
        expect(fate).toMatchObject({ action: 'release', class: errorClass });
        if (retryAfterMs === undefined) expect(fate.retryInMs).toBe(15_000);
        else expect(fate.retryInMs).toBe(Math.min(Math.max(retryAfterMs, 1_000), HOUR_MS));
      }),
    );
  },
);

test.each([
  ['refused', true],
  ['too_long', true],
  ['invalid_output', false],
  ['timeout', false],
  ['failed', false],
] satisfies [LlmErrorClass, boolean][])('%s spends a failure; final: %s', (errorClass, final) => {
  expect(fateOf(new LlmError(errorClass, 'why'), 0)).toEqual({
    action: 'fail',
    class: errorClass,
    message: 'why',
    final,
    retryInMs: 5_000,
  });
});

test('a handler names its own failure, and says whether it is final', () => {
  const error = new StepError('no_luck', 'not today', { final: true, output: { seen: 1 } });
  expect(fateOf(error, 2)).toMatchObject({
    action: 'fail',
    class: 'no_luck',
    final: true,
    output: { seen: 1 },
  });
  expect(fateOf(new StepError('no_luck', 'not today'), 2)).toMatchObject({ final: false, retryInMs: 20_000 });
});

test('a database that is away spends no failure, and any other error does', () => {
  const away = new AppError('database_unavailable', 'gone');
  expect(fateOf(away, 1)).toMatchObject({ action: 'release', class: 'database_unavailable' });
  expect(fateOf(new AppError('internal', 'odd'), 1)).toMatchObject({
    action: 'fail',
    class: 'error',
    final: false,
  });
});

test('a message without end is cut', () => {
  expect(fateOf(new Error('x'.repeat(1_000_000)), 0).message).toHaveLength(2_000);
});
