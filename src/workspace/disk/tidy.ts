import { lstat, readdir, unlink } from 'node:fs/promises';
import type { Folders } from './folders.ts';
import { TEMPORARY } from './put-whole.ts';

const OLD_MS = 600_000;

/**
 * Removes what writers left behind that were cut off: a temporary name of a file that is in place already, and
 * one that nobody has written to for ten minutes.
 */
export async function tidy(folders: Folders): Promise<void> {
  for (const folder of ['inbox', 'outputs', 'state'] as const) {
    for (const name of await readdir(folders.path(folder))) {
      if (!name.startsWith(TEMPORARY)) continue;
      const path = folders.path(folder, name);
      const found = await lstat(path).catch(() => null);
      if (found && (found.nlink > 1 || Date.now() - found.mtimeMs > OLD_MS))
        await unlink(path).catch(() => undefined);
    }
  }
}
