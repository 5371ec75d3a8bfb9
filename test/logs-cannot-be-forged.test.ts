import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';

const HOSTILE = 'title\n{"level":"error","msg":"forged"}\r\n\u001b[2J\u001b]0;owned\u0007';

/** What a process with this logger writes. */
function written(terminal: boolean): string {
  const program = `
    import { makeLog } from ${JSON.stringify(resolve(import.meta.dirname, '../dist/log.js'))};
    const log = makeLog({ level: 'info', terminal: ${terminal} }).child({ part: 'test' });
    const text = ${JSON.stringify(HOSTILE)};
    log.warn({ title: text, err: new Error(text), nested: { key: 'k-secret', text }, token: 't-secret' }, 'told');`;
  return execFileSync('/bin/sh', ['-c', '"$0" --input-type=module -e "$1" 2>&1', process.execPath, program], {
    encoding: 'utf8',
  });
}

test('what others wrote is one line of JSON, and a secret member is hidden', () => {
  const text = written(false);
  expect(text.trimEnd().split('\n')).toHaveLength(1);
  expect(text).not.toContain('\u001b');
  expect(JSON.parse(text)).toMatchObject({ title: HOSTILE, err: { message: HOSTILE }, msg: 'told' });
  expect(text).not.toContain('secret"');
});

test('on a terminal, too, they begin no line of their own and move no cursor', () => {
  const text = written(true);
  // An error is told below its line, indented.
  const [, ...below] = text.trimEnd().split('\n');
  expect(below.filter((line) => !/^ {4}/.test(line))).toEqual([]);
  // Colours are our own; there is nothing else that a terminal would obey.
  const plain = stripVTControlCharacters(text);
  const controls = plain
    .split('')
    .filter((letter) => letter !== '\n' && (letter < ' ' || letter === '\u007f'));
  expect(controls).toEqual([]);
  expect(plain).toContain('\\u001b[2J');
  expect(plain).toContain('\\n{');
  expect(text).not.toMatch(/[kt]-secret/);
});
