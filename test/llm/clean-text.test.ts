import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanJson, cleanText } from '../../src/lib/clean-text.ts';

test('NUL and lone surrogates become U+FFFD, and nothing else changes', () => {
  expect(cleanText('a\0b\uD83D c\uDE00d 😀')).toBe('a\uFFFDb\uFFFD c\uFFFDd 😀');
  expect(cleanText('\uDE00\uD83D')).toBe('\uFFFD\uFFFD');
});

test('every text is storable afterwards', () => {
  const anything = fc
    .array(fc.integer({ min: 0, max: 0xffff }))
    .map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(anything, (text) => {
      const clean = cleanText(text);
      expect(clean.isWellFormed()).toBe(true);
      expect(clean).not.toContain('\0');
      expect(clean).toHaveLength(text.length);
      expect(cleanText(clean)).toBe(clean);
      if (text.isWellFormed() && !text.includes('\0')) expect(clean).toBe(text);
    }),
  );
});

test('a JSON value is cleaned throughout, names included', () => {
  const value = JSON.parse('{"a\\u0000":["\\ud800",{"b":null,"c":1.5}],"__proto__":"\\u0000"}');
  expect(JSON.stringify(cleanJson(value))).toBe(
    '{"a\uFFFD":["\uFFFD",{"b":null,"c":1.5}],"__proto__":"\uFFFD"}',
  );
});
