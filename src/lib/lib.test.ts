import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { findUnstorable } from './storable.ts';
import { humanDuration } from './time.ts';
import { isUuid, uuid7 } from './uuid7.ts';
import { visibleJson } from './visible.ts';
import { makeWake } from './wake.ts';

test('10,000 ids of one process are valid, different and in order', () => {
  const ids = Array.from({ length: 10_000 }, uuid7);
  expect(ids.every((id) => isUuid(id) && id[14] === '7' && '89ab'.includes(id[19] ?? ''))).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test('a cursor comes back as it went, and anything else is refused', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(decodeCursor(encodeCursor(id), isUuid)).toBe(id);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(text !== encodeCursor(0));
      expect(() => decodeCursor(text, isUuid)).toThrow(/cursor/);
    }),
  );
});

test('what PostgreSQL and JSON can keep passes, and the rest is named', () => {
  const keepable = fc.jsonValue({ maxDepth: 6 }).filter((value) => {
    const numbers = JSON.stringify(value).match(/-?\d+(\.\d+)?(e[+-]?\d+)?/gi) ?? [];
    return numbers.map(Number).every((number) => !Number.isInteger(number) || Number.isSafeInteger(number));
  });
  fc.assert(
    fc.property(keepable, (value) => {
      fc.pre(!JSON.stringify(value).includes('\\u0000'));
      expect(findUnstorable(value)).toBeNull();
    }),
    { numRuns: 500 },
  );
  expect(findUnstorable('a\0b')).toContain('NUL');
  expect(findUnstorable({ a: ['\ud800'] })).toContain('$.a[0]');
  expect(findUnstorable({ ['k\0']: 1 })).toContain('NUL');
  expect(findUnstorable(JSON.parse('{"n": 9007199254740993}'))).toContain('lose digits');
  expect(findUnstorable(JSON.parse('{"n": 1e400}'))).toContain('too large');
  const deep = JSON.parse(`${'['.repeat(6_000)}${']'.repeat(6_000)}`);
  expect(findUnstorable(deep)).toContain('deeper than 32');
  expect(findUnstorable(Array.from({ length: 30_000 }, () => 0))).toContain('more than');
});

test('a call that nobody waits for is remembered once', async () => {
  const wake = makeWake();
  wake.call();
  wake.call();
  await wake.wait(1_000_000);
  const stop = new AbortController();
  const waiting = wake.wait(1_000_000, stop.signal);
  stop.abort();
  await waiting;
});

test('durations for people', () => {
  expect([0, 59_400, 180_000, 7_300_000, 400_000_000].map(humanDuration)).toEqual([
    '0 s',
    '59 s',
    '3 min',
    '2 h',
    '5 d',
  ]);
});

test('JSON in which nothing is hidden is the same to a parser', () => {
  const texts = fc.string({
    unit: fc.constantFrom('\u200B', '\u202E', '\u{E0041}', '\n', '\\', '"', 'u', 'é', '😀'),
  });
  fc.assert(
    fc.property(fc.dictionary(texts, fc.oneof(texts, fc.jsonValue())), (value) => {
      const json = visibleJson(value);
      expect(json).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 500 },
  );
});
