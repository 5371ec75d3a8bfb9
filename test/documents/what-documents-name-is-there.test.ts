import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');
const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n');

/** What a document's code spans name that looks like a file of this project. */
function filesNamedIn(text: string): string[] {
  const spans = [...text.matchAll(/`((?:test|src|docs|scripts)\/[\w./-]+\.\w+)`/g)];
  return spans.map(([, path = '']) => path);
}

test('every link between documents leads somewhere', () => {
  expect(documents.length).toBeGreaterThan(20);
  const broken = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(resolve(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test.each(['docs/asvs.md', 'docs/threat-model.md'])('%s names files that are there', (path) => {
  const named = filesNamedIn(read(path));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(resolve(root, file)))).toEqual([]);
});

test('the table of requirements has each once, in order, with a state and what shows it', () => {
  const text = read('docs/asvs.md');
  const rows = [...text.matchAll(/^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)];
  const order = (item: string) => item.split('.').reduce((sum, part) => sum * 1_000 + Number(part), 0);
  const items = rows.map(([, item = '']) => order(item));
  expect(items).toEqual([...new Set(items)].toSorted((a, b) => a - b));
  const states = rows.map(([, , , state = '']) => /^(met|partly|not met)\b/.exec(state)?.[1]);
  const count = (state: string) => states.filter((each) => each === state).length;
  expect(states).not.toContain(undefined);
  // What is not met wholly says what is missing.
  expect(rows.filter(([, , , state = '']) => /^(partly|not met)$/.test(state))).toEqual([]);
  expect(rows.filter(([, , , , shown = '']) => !shown.includes('`'))).toEqual([]);
  const said = `${rows.length} items, ${count('met')} met, ${count('partly')} partly, ${count('not met')} not met`;
  expect(text).toContain(said);
});
