import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
// @ts-expect-error a script, in plain JavaScript
import { MUTANTS } from '../scripts/mutants/list.mjs';

type Mutant = { name: string; file: string; from: string; killedBy: string[] };
const root = resolve(import.meta.dirname, '..');

test.each(MUTANTS as Mutant[])(
  'the place of the mutant "$name" is still there',
  ({ file, from, killedBy }) => {
    const parts = readFileSync(resolve(root, file), 'utf8').split(from);
    expect(parts).toHaveLength(2);
    expect(killedBy.filter((path) => !existsSync(resolve(root, path)))).toEqual([]);
  },
);
