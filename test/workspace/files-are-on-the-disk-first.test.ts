import { mkdtempSync } from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { appendHead } from '../../src/events/proof/heads.ts';
import { writeDurably } from '../../src/lib/files.ts';
import { putUnderFreeName, putWhole } from '../../src/workspace/disk/put-whole.ts';

const folder = mkdtempSync(join(tmpdir(), 'opsloop-test-disk-'));

/** What is asked of the file system while a test runs, in its order. */
function recordDisk(): string[] {
  const done: string[] = [];
  const nameOf = (path: unknown) => {
    const name = basename(String(path));
    if (String(path) === folder) return 'folder';
    return /opsloop-new|\.tmp$/.test(name) ? 'new' : name;
  };
  const { open, link, rename } = fsp;
  fsp.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    const { writeFile, write, sync } = handle;
    handle.writeFile = async (...args) => (done.push(`write ${nameOf(path)}`), writeFile.apply(handle, args));
    // @ts-expect-error one of several signatures
    handle.write = async (...args) => (done.push(`write ${nameOf(path)}`), write.apply(handle, args));
    handle.sync = async () => (done.push(`sync ${nameOf(path)}`), sync.apply(handle));
    return handle;
  };
  fsp.link = async (from, to) => (done.push(`link ${nameOf(from)} ${nameOf(to)}`), link(from, to));
  fsp.rename = async (from, to) => (done.push(`rename ${nameOf(from)} ${nameOf(to)}`), rename(from, to));
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fsp, { open, link, rename });
    syncBuiltinESMExports();
  });
  return done;
}

test('an output is on the disk before it has its name, and its name before anybody is told', async () => {
  const done = recordDisk();
  await putWhole(folder, 'a.md', 'text');
  expect(done).toEqual(['write new', 'sync new', 'link new a.md', 'sync folder']);
});

test('so is what is put under the first free name', async () => {
  const done = recordDisk();
  await putUnderFreeName(folder, ['a.md', 'b.md'], 'text');
  expect(done).toEqual(['write new', 'sync new', 'link new a.md', 'link new b.md', 'sync folder']);
});

test('so are settings and states', async () => {
  const done = recordDisk();
  await writeDurably(join(folder, 'state.json'), '{}', 0o600);
  expect(done).toEqual(['write new', 'sync new', 'rename new state.json', 'sync folder']);
});

test('a signed head is on the disk when the beat is over', async () => {
  const done = recordDisk();
  const head = { seq: 1, hash: '0'.repeat(64), at: '', installation: '', key: '', signature: '' };
  await appendHead(folder, head);
  await appendHead(folder, head);
  expect(done).toEqual([
    'write log-heads.jsonl',
    'sync log-heads.jsonl',
    'sync folder',
    'write log-heads.jsonl',
    'sync log-heads.jsonl',
  ]);
});
