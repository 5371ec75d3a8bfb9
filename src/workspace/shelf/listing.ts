import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../lib/files.ts';
import { nameProblem } from '../conventions/names.ts';
import { unavailable } from '../disk/folders.ts';

/** A file as the older API lists it; `mtime` in whole seconds since 1970. */
export type Listed = { name: string; size: number; mtime: number };

const STATS_AT_ONCE = 64;
export const MOST_LISTED = 200;

/** Plain files of a folder with these endings, the newest first. A folder that is missing is empty. */
export async function listFiles(folder: string, endings: string[], most = MOST_LISTED): Promise<Listed[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw unavailable(folder, error);
  });
  const wanted = names.filter(
    (name) => endings.some((ending) => name.endsWith(ending)) && nameProblem(name) === null,
  );
  const found: (Listed & { at: number })[] = [];
  for (let start = 0; start < wanted.length; start += STATS_AT_ONCE) {
    const stats = await Promise.all(
      wanted.slice(start, start + STATS_AT_ONCE).map(async (name) => {
        const stat = await lstat(join(folder, name)).catch(() => null);
        return stat?.isFile()
          ? [{ name, size: stat.size, mtime: Math.floor(stat.mtimeMs / 1000), at: stat.mtimeMs }]
          : [];
      }),
    );
    found.push(...stats.flat());
  }
  found.sort((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1));
  return found.slice(0, most).map(({ name, size, mtime }) => ({ name, size, mtime }));
}
