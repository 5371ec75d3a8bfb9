import { randomBytes } from 'node:crypto';
import { link, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, syncDirectory } from '../../lib/files.ts';
import { readWhole } from './read-whole.ts';

/** Larger than any content of ours, so that what is already there can be compared. */
const MOST_COMPARED = 4 * 1_048_576;

/** Begins the names under which we write; with a dot, so that nobody takes them for tasks. */
export const TEMPORARY = '.opsloop-new-';

export type Put =
  /** The file is there with this content: put now, or by whoever was cut off before. */
  | { ok: true; inode: string; made: boolean }
  /** Somebody else's file has the name. */
  | { ok: false };

/**
 * Puts a file in place at once and durably, never over another: written under a name that nobody looks at,
 * synced, and linked. A file with the same name and content counts as ours: it is the one from before a crash.
 */
export async function putWhole(folder: string, name: string, content: string): Promise<Put> {
  const path = join(folder, name);
  const state = await withTemporary(folder, content, async (temporary) => {
    if (await linkNew(temporary, path)) return 'made';
    const there = await readWhole(path, { mostBytes: MOST_COMPARED, anyLinks: true });
    if (!there.ok || there.text !== content) return 'theirs';
    await dropTwins(folder, there.signature.inode);
    return 'there';
  });
  if (state === 'theirs') return { ok: false };
  await syncDirectory(folder);
  return { ok: true, made: state === 'made', inode: String((await lstat(path, { bigint: true })).ino) };
}

/** Puts a new file in place under the first of the names that is free; null when none is. */
export async function putUnderFreeName(
  folder: string,
  names: Iterable<string>,
  content: string,
): Promise<string | null> {
  const found = await withTemporary(folder, content, async (temporary) => {
    for (const name of names) if (await linkNew(temporary, join(folder, name))) return name;
    return null;
  });
  await syncDirectory(folder);
  return found;
}

async function withTemporary<T>(
  folder: string,
  content: string,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = join(folder, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    return await use(temporary);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Whoever was cut off between link and unlink left the first name behind. */
async function dropTwins(folder: string, inode: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const path = join(folder, name);
    const found = await lstat(path, { bigint: true }).catch(() => null);
    if (found && String(found.ino) === inode) await unlink(path).catch(() => undefined);
  }
}
