import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeLineSplitter } from '../../src/llm/line-splitter.ts';

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

test('lines come out the same, however the bytes are cut', () => {
  const lines = fc.array(fc.string({ unit: 'binary' }).map((line) => line.replaceAll('\n', ' ')));
  fc.assert(
    fc.property(lines, fc.array(fc.nat()), (lines, places) => {
      const splitter = makeLineSplitter(1_000_000);
      const chunks = cut(Buffer.from(lines.join('\n')), places);
      const found = chunks.flatMap((chunk) => splitter.push(chunk) ?? ['too long']);
      // A decoder takes a byte order mark off the head of a line.
      const plain = (line: string) => line.replace(/^\uFEFF/, '');
      expect([...found, splitter.rest()].map(plain)).toEqual((lines.length === 0 ? [''] : lines).map(plain));
    }),
  );
});

test('any bytes at all are taken, and no line is longer than allowed', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), fc.integer({ min: 1, max: 50 }), (chunks, limit) => {
      const splitter = makeLineSplitter(limit);
      for (const chunk of chunks) {
        const lines = splitter.push(chunk);
        if (lines === undefined) return;
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(limit);
      }
      expect(splitter.rest().length).toBeLessThanOrEqual(limit);
    }),
  );
});

test('a line beyond the limit is noticed before it ends', () => {
  const splitter = makeLineSplitter(4);
  expect(splitter.push(Buffer.from('abc'))).toEqual([]);
  expect(splitter.push(Buffer.from('de'))).toBeUndefined();
});
