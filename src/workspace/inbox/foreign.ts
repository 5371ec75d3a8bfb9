import { lstat } from 'node:fs/promises';
import type { BridgeParts } from '../bridge-parts.ts';
import type { FileRow } from '../schema.ts';
import { look } from './listing.ts';

/** The older system's logs. We never write there, so a line more means that it runs. */
const ITS_LOGS = ['agent_mvp.log', 'conductor.log'];

/**
 * Signs that somebody else works this inbox too: then every task would be done twice. A file in work that was
 * renamed to `.done` by another hand is one, a growing log of the older system the other.
 */
export function makeForeignWatch({ folders }: BridgeParts) {
  const sizes = new Map<string, string>();
  // An operator who says that all is well is not contradicted for the same file.
  const told = new Set<string>();

  return async function signOfOthers(names: ReadonlySet<string>, open: FileRow[]): Promise<string | null> {
    for (const log of ITS_LOGS) {
      const found = await lstat(folders.path('logs', log)).catch(() => null);
      const now = found ? `${found.size}-${found.mtimeMs}` : '';
      const before = sizes.get(log);
      sizes.set(log, now);
      if (before !== undefined && before !== now && now !== '') return `logs/${log} is being written`;
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
      told.add(file.id);
      return `inbox/${file.name} was renamed to .done by somebody else`;
    }
    return null;
  };
}
