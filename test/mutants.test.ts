import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
// @ts-expect-error a script, in plain JavaScript
import { findPassed, readResults } from '../scripts/mutants/run-tests.mjs';
// @ts-expect-error a script, in plain JavaScript
import { MUTANTS } from '../scripts/mutants/list.mjs';

type Mutant = { name: string; file: string; from: string; killedBy: { file: string; title: string }[] };
const root = resolve(import.meta.dirname, '..');

test.each(MUTANTS as Mutant[])(
  'the place of the mutant "$name" is still there',
  ({ file, from, killedBy }) => {
    const parts = readFileSync(resolve(root, file), 'utf8').split(from);
    expect(parts).toHaveLength(2);
    expect(killedBy.filter((one) => !existsSync(resolve(root, one.file)))).toEqual([]);
  },
);

test('only a test that is named and failed kills, and what did not load is an error', () => {
  const report = (status: string, ...tests: [string, string][]) => ({
    testResults: [
      {
        name: '/copy/a.test.ts',
        status,
        message: 'SyntaxError',
        assertionResults: tests.map(([title, state]) => ({ title, status: state })),
      },
    ],
  });
  const read = (given: ReturnType<typeof report>) => readResults(given, '/copy', ['a.test.ts']);
  const named = [{ file: 'a.test.ts', title: 'it holds' }];
  expect(findPassed(read(report('failed', ['it holds well', 'failed'])), named)).toEqual([]);
  const flake = report('failed', ['it holds well', 'passed'], ['another', 'failed']);
  expect(findPassed(read(flake), named)).toEqual(named);
  expect(findPassed(read(report('passed', ['it holds well', 'skipped'])), named)).toEqual(named);
  expect(() => read(report('failed'))).toThrow('a.test.ts did not load: SyntaxError');
  expect(() => read(report('failed', ['it holds well', 'skipped']))).toThrow('did not load');
  expect(() => read({ testResults: [] })).toThrow('a.test.ts was not run');
});
