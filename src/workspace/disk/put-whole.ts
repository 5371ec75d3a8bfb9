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
  | { ok: true; inode: string }
  /** Somebody else's file has the name. */
  | { ok: false };

/**
 * Puts a file in place at once and durably, never over another: written under a name that nobody looks at,
 * synced, and linked.
 * @param adopt whether a file with the same name and content counts as ours: the one from before a crash
 */
export async function putWhole(
  folder: string,
  name: string,
  content: string,
  { adopt = true } = {},
): Promise<Put> {
  const path = join(folder, name);
  const temporary = join(folder, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (!adopt) return { ok: false };
    const there = await readWhole(path, { mostBytes: MOST_COMPARED, anyLinks: true });
    if (!there.ok || there.text !== content) return { ok: false };
    await dropTwins(folder, there.signature.inode);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  await syncDirectory(folder);
  return { ok: true, inode: String((await lstat(path, { bigint: true })).ino) };
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
