import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readWhole } from './read-whole.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opsloop-read-'));
  await writeFile(at('plain.txt'), 'text');
  await symlink(at('plain.txt'), at('link.txt'));
  await symlink('nothing', at('nowhere.txt'));
  await writeFile(at('two-names.txt'), 'text');
  await link(at('two-names.txt'), at('other-name.txt'));
  await mkdir(at('folder.txt'));
  execFileSync('mkfifo', [at('pipe.txt')]);
  await writeFile(at('large.txt'), 'x'.repeat(11));
  await writeFile(at('latin.txt'), Buffer.from([0xe9]));
  await writeFile(at('nul.txt'), 'a\0b');
});

afterAll(() => rm(folder, { recursive: true }));

test('a plain file is read whole', async () => {
  expect(await readWhole(at('plain.txt'))).toMatchObject({ ok: true, text: 'text' });
});

test.each([
  ['link.txt', 'refused', 'it is a symbolic link'],
  ['nowhere.txt', 'refused', 'it is a symbolic link'],
  ['other-name.txt', 'refused', 'it has 2 names (hard links)'],
  ['folder.txt', 'refused', 'it is no plain file'],
  ['pipe.txt', 'refused', 'it is no plain file'],
  ['missing.txt', 'vanished', 'it is not there'],
  ['large.txt', 'unusable', 'it has 11 bytes; 10 are allowed'],
  ['latin.txt', 'unusable', 'it is not UTF-8'],
  ['nul.txt', 'unusable', 'it contains the character NUL'],
])('%s is %s: %s', async (name, why, problem) => {
  expect(await readWhole(at(name), { mostBytes: 10 })).toMatchObject({ ok: false, why, problem });
});
