import { lstat } from 'node:fs/promises';
import type { BridgeParts } from '../bridge-parts.ts';
import { isTaken } from '../file-read-queries.ts';
import type { OpenFile } from '../schema.ts';
import { look } from './listing.ts';

/** The older system's logs. We never write there, so a line more means that it runs. */
const ITS_LOGS = ['agent_mvp.log', 'conductor.log'];

/**
 * Signs that somebody else works this inbox too: then every task would be done twice. A file in work that was
 * renamed to `.done` by another hand is one, a growing log of the older system the other.
 */
export function makeForeignWatch({ database, folders }: BridgeParts) {
  const sizes = new Map<string, { inode: number; size: number }>();
  // An operator who says that all is well is not contradicted for the same file.
  const told = new Set<string>();

  return async function signOfOthers(names: ReadonlySet<string>, open: OpenFile[]): Promise<string | null> {
    for (const log of ITS_LOGS) {
      const found = await lstat(folders.path('logs', log)).catch(() => null);
      const before = sizes.get(log);
      const now = { inode: found?.ino ?? 0, size: found?.size ?? 0 };
      sizes.set(log, now);
      // One that was rotated or emptied is no sign of life.
      if (before && before.inode === now.inode && now.size > before.size)
        return `logs/${log} is being written`;
    }
    for (const file of open) {
      // Ours is renamed after it is settled, never before.
      if (
        file.status !== 'taken' ||
        told.has(file.id) ||
        names.has(file.name) ||
        !names.has(`${file.name}.done`)
      )
        continue;
      const found = await look(folders.path('inbox', `${file.name}.done`));
      if (found === null || typeof found === 'string' || found.inode !== file.inode) continue;
      // The row can have been settled, and the file renamed by us, since it was read.
      if (!(await isTaken(database, file.id))) continue;
      told.add(file.id);
      return `inbox/${file.name} was renamed to .done by somebody else`;
    }
    return null;
  };
}
