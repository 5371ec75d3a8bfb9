import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, isThere } from '../../lib/files.ts';
import { nameProblem } from '../conventions/names.ts';
import { type Folder, type Folders, inRealFolder, unavailable } from '../disk/folders.ts';

/** A file as the older API lists it; `mtime` in whole seconds since 1970. */
export type Listed = { name: string; size: number; mtime: number };

const STATS_AT_ONCE = 64;
export const MOST_LISTED = 200;

/** Many who ask at once share one look at the folder; one that took long is good for a while. */
const recent = new Map<string, { listed: Promise<Listed[]>; goodUntil: number }>();
const REST_PER_LOOK = 5;
const SHORT_MS = 100;

/**
 * Plain files of a folder with these endings, the newest first; none of a folder that is missing.
 * @throws AppError workspace_unavailable
 */
export function listFiles(folders: Folders, folder: Folder, endings: string[]): Promise<Listed[]> {
  const key = `${folders.path(folder)} ${endings.join()}`;
  const known = recent.get(key);
  if (known && performance.now() < known.goodUntil) return known.listed;
  const began = performance.now();
  const look = { listed: readFolder(folders, folder, endings), goodUntil: Number.POSITIVE_INFINITY };
  recent.set(key, look);
  const rest = () => {
    const took = performance.now() - began;
    look.goodUntil = took < SHORT_MS ? 0 : performance.now() + took * REST_PER_LOOK;
  };
  look.listed.then(rest, () => recent.delete(key));
  return look.listed;
}

async function readFolder(folders: Folders, folder: Folder, endings: string[]): Promise<Listed[]> {
  if (!(await isThere(folders.path(folder)))) return [];
  return inRealFolder(folders, folder, (path) => readListing(path, endings));
}

async function readListing(folder: string, endings: string[]): Promise<Listed[]> {
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
  return found.slice(0, MOST_LISTED).map(({ name, size, mtime }) => ({ name, size, mtime }));
}
