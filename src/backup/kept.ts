/** The backups that a home keeps in a folder, told by their names. Others, also those of another home, are never looked at. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../lib/files.ts';
import { markOf, readMark } from './mark.ts';

/** What verifying said of it. */
export type Sort = 'sound' | 'unverified' | 'unsound';
export type Kept = { path: string; at: Date; sort: Sort };

const NAME =
  /^opsloop-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z-([0-9a-f]{12})(?:\.(unverified|unsound))?\.backup$/;

/** Two clocks differ by less, and one that is set right moves by less. */
export const CLOCK_LEEWAY_MS = 600_000;

/** The name of a new one says when, so that a listing sorts by age, whose it is, and of which sort, unless it is sound. */
export async function nameFor(home: string, at: Date, sort: Sort): Promise<string> {
  const mark = await markOf(home);
  return `opsloop-${at.toISOString().slice(0, 19).replaceAll(':', '-')}Z-${mark}${sort === 'sound' ? '' : `.${sort}`}.backup`;
}

/**
 * The newest first. `unsound` ones may be all there is, and are no backup to count on. `future` are those of a time that has
 * not come: the clock is wrong, or was when they were made, so they neither count nor are they ever dropped.
 */
export async function listBackups(
  folder: string,
  home: string,
): Promise<Record<'past' | 'unsound' | 'future', Kept[]>> {
  const mark = await readMark(home);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const own = names
    .flatMap((name) => {
      const [, day, h, m, s, whose, sort = 'sound'] = NAME.exec(name) ?? [];
      const at = new Date(`${day}T${h}:${m}:${s}Z`);
      return whose !== mark || Number.isNaN(at.getTime())
        ? []
        : [{ path: join(folder, name), at, sort: sort as Sort }];
    })
    .sort((a, b) => b.at.getTime() - a.at.getTime());
  const latest = Date.now() + CLOCK_LEEWAY_MS;
  const isFuture = ({ at }: Kept) => at.getTime() > latest;
  const past = own.filter((one) => !isFuture(one));
  return {
    past: past.filter(({ sort }) => sort !== 'unsound'),
    unsound: past.filter(({ sort }) => sort === 'unsound'),
    future: own.filter(isFuture),
  };
}

/**
 * Drops what is more than so many, never the newest that was found sound, and all but one unsound one.
 * @returns what was dropped
 */
export async function dropOldest(folder: string, home: string, keep: number): Promise<string[]> {
  const { past, unsound } = await listBackups(folder, home);
  const newestSound = past.find(({ sort }) => sort === 'sound');
  const old = [...past.slice(keep).filter((one) => one !== newestSound), ...unsound.slice(1)];
  for (const { path } of old) await rm(path, { force: true });
  return old.map(({ path }) => path);
}
