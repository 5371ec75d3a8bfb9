import { lstat, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import type { BridgeParts } from '../../src/workspace/bridge-parts.ts';
import { type Folder, type Folders, foldersOf, makeFolders } from '../../src/workspace/disk/folders.ts';
import { keepInMemory } from '../../src/workspace/ending/memory.ts';
import { placePlanned } from '../../src/workspace/ending/place-planned.ts';
import { makeInbox } from '../../src/workspace/inbox/inbox.ts';
import type { FileRow } from '../../src/workspace/schema.ts';
import { listFiles } from '../../src/workspace/shelf/listing.ts';
import { readOutput } from '../../src/workspace/shelf/out.ts';
import { submitFile } from '../../src/workspace/shelf/submit.ts';

/** Where the system has no way to a folder but its name, a short moment stays. */
const onLinux = test.runIf(process.platform === 'linux');
let base = '';
let elsewhere = '';
let folders: Folders;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'opsloop-swapped-'));
  elsewhere = join(base, 'elsewhere');
  await mkdir(elsewhere);
  folders = foldersOf(join(base, 'workspace'));
  await makeFolders(folders);
});
afterEach(() => rm(base, { recursive: true }));

/**
 * Calls again and again, until so many calls went well, while a link takes the folder's place and gives it back.
 * @returns what the calls gave that went well
 */
async function whileSwapped<Result>(
  folder: Folder,
  calls: { most: number; well: number },
  call: (n: number) => Promise<Result>,
): Promise<Result[]> {
  const ours = folders.path(folder);
  const given: Result[] = [];
  let called = 0;
  const ended = () => called >= calls.most || given.length >= calls.well;
  const callAgain = async () => {
    while (!ended())
      await call(called++).then(
        (result) => given.push(result),
        () => undefined,
      );
  };
  const swap = async () => {
    for (let n = 0; !ended(); n++) {
      // So that a link comes at every moment of a call, and some calls are over before it comes.
      await looks(n % 60);
      await rename(ours, `${ours}.real`);
      await symlink(elsewhere, ours);
      await looks(n % 7);
      await rm(ours);
      await rename(`${ours}.real`, ours);
    }
  };
  await Promise.all([swap(), callAgain(), callAgain()]);
  expect(given.length).toBeGreaterThan(0);
  return given;
}

/** Takes a moment, as long as so many looks at a folder. */
async function looks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await lstat(base);
}

const CALLS = { most: 20_000, well: 300 };

onLinux('a submission lands in the inbox or is refused', async () => {
  const names = await whileSwapped('inbox', CALLS, (n) =>
    submitFile(folders, { name: `t${n}.txt`, text: 'x' }),
  );
  expect(await readdir(elsewhere)).toEqual([]);
  expect((await readdir(folders.path('inbox'))).toSorted()).toEqual(names.toSorted());
});

onLinux('the memory of goals is kept in the state folder alone', async () => {
  await whileSwapped('state', CALLS, (n) =>
    keepInMemory(folders, { goal_file: `g${n}`, goal: 'x', created_at: 'x', subtasks: [] }),
  );
  expect(await readdir(elsewhere)).toEqual([]);
});

onLinux('what is listed and read is in the folder itself', async () => {
  await writeFile(join(elsewhere, 'out.md'), 'theirs');
  await writeFile(join(elsewhere, 'theirs.md'), 'theirs');
  await writeFile(folders.path('outputs', 'out.md'), 'ours');
  const seen = await whileSwapped('outputs', { most: 40_000, well: 5_000 }, async (n) => {
    if (n % 2 === 0) return readOutput(folders, 'out.md');
    return (await listFiles(folders, 'outputs', ['.md'])).map(({ name }) => name).join();
  });
  expect(seen.filter((one) => one.includes('theirs'))).toEqual([]);
});

/** Parts whose database does something before its first answer: that is a moment after the folder was looked at. */
function partsThat(meanwhile: () => Promise<unknown>) {
  let first: Promise<unknown> | null = null;
  const proposed: string[] = [];
  const database = {
    query: async (sql: string) => {
      await (first ??= meanwhile());
      return sql.includes('for share') ? [{}] : [];
    },
    hints: { tell: () => undefined },
  };
  const propose = async ({ body }: { body: string }) => void proposed.push(body);
  const ownership = { workspaceId: '', owner: '' };
  const parts = { database, propose, folders, ownership, log: silentLog() } as unknown as BridgeParts;
  return { parts, proposed };
}

async function leadAway(folder: Folder): Promise<void> {
  await rename(folders.path(folder), `${folders.path(folder)}.real`);
  await symlink(elsewhere, folders.path(folder));
}

onLinux('what is taken for a task lies in the inbox itself', async () => {
  await writeFile(join(elsewhere, 'a.txt'), 'theirs');
  await writeFile(folders.path('inbox', 'a.txt'), 'ours');
  const { parts, proposed } = partsThat(() => leadAway('inbox'));
  const arrivals = { movedIn: () => true, spoil() {}, forget() {}, isWatching: () => true, close() {} };
  await makeInbox(parts, { ...arrivals, follow: async () => undefined }).look(new AbortController().signal);
  expect(proposed).toEqual(['ours']);
});

onLinux('a task that an answer asked for is put into the inbox itself', async () => {
  const { parts } = partsThat(() => leadAway('inbox'));
  const planned = { id: '1', name: 'a.txt', content: 'ours' } as FileRow;
  await placePlanned(parts, planned, new Set()).catch(() => undefined);
  expect(await readdir(elsewhere)).toEqual([]);
});
