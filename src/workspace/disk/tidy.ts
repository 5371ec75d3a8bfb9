import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Folders, inRealFolder } from './folders.ts';
import { TEMPORARY } from './put-whole.ts';

const OLD_MS = 600_000;

/**
 * Removes what writers left behind that were cut off: a temporary name of a file that is in place already, and
 * one that nobody has written to for ten minutes.
 */
export async function tidy(folders: Folders): Promise<void> {
  for (const folder of ['inbox', 'outputs', 'state'] as const)
    await inRealFolder(folders, folder, tidyFolder);
}

async function tidyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (found && (found.nlink > 1 || Date.now() - found.mtimeMs > OLD_MS))
      await unlink(path).catch(() => undefined);
  }
}
