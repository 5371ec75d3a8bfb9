import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { prepareFolder } from '../../chaos/report/folder.ts';

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-out-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function putLogs(folder: string): void {
  mkdirSync(join(folder, 'logs'));
  writeFileSync(join(folder, 'logs', 'precious.log'), 'years of it');
}

test('a folder of somebody else stays as it is, though its names are those of a run', () => {
  const folder = makeFolder();
  putLogs(folder);
  expect(() => prepareFolder(folder, randomUUID())).toThrow('holds logs and no .opsloop-chaos-run');
  writeFileSync(join(folder, '.opsloop-chaos-run'), 'not a run');
  expect(() => prepareFolder(folder, randomUUID())).toThrow('name an empty folder');
  expect(readFileSync(join(folder, 'logs', 'precious.log'), 'utf8')).toBe('years of it');
});

test('what an earlier run left is cleared, but not beside something that is not of a run', () => {
  const folder = join(makeFolder(), 'new');
  prepareFolder(folder, randomUUID());
  putLogs(folder);
  const second = randomUUID();
  prepareFolder(folder, second);
  expect(readdirSync(folder)).toEqual(['.opsloop-chaos-run']);
  expect(readFileSync(join(folder, '.opsloop-chaos-run'), 'utf8')).toBe(`${second}\n`);
  putLogs(folder);
  writeFileSync(join(folder, 'thesis.txt'), '');
  expect(() => prepareFolder(folder, randomUUID())).toThrow('holds thesis.txt');
  expect(readdirSync(join(folder, 'logs'))).toEqual(['precious.log']);
});
