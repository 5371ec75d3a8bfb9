import { AppError } from '../../errors.ts';
import { reject } from '../../loop/decide.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isSame, readWhole, type Signature } from '../disk/read-whole.ts';
import { isUndecided, markReplaced } from '../file-queries.ts';
import type { OpenFile } from '../schema.ts';
import { look } from './listing.ts';
import { digestOf } from './take.ts';
import { STILL_MS } from './stillness.ts';

const MOST_LOOKED_AT = 500;
const REMOVED_MS = 3_000;

/**
 * Files that were put there for later and are no more what they were. One that waits for an operator and is written
 * anew asks for something else: the old proposal is rejected, so that nobody approves what is no longer there, and
 * the new text is a task of its own. One that is removed is withdrawn, and so is a planned one, which would hold up
 * those after it for ever. (A folder that is not mounted is noticed before.)
 */
export function makeChangeWatch({ database, folders, ownership, log }: BridgeParts) {
  const seen = new Map<string, { signature: Signature; since: number; changed: boolean }>();
  const missing = new Map<string, number>();

  const isChanged = async (file: OpenFile, found: Signature): Promise<boolean> => {
    const before = seen.get(file.id);
    const now = performance.now();
    if (before && isSame(before.signature, found)) return before.changed && now - before.since >= STILL_MS;
    const read = await readWhole(folders.path('inbox', file.name));
    const changed = read.ok && read.text.trim() !== '' && digestOf(read.bytes) !== file.digest;
    if (read.ok) seen.set(file.id, { signature: read.signature, since: now, changed });
    return false;
  };

  const isRemoved = (file: OpenFile): boolean => {
    const since = missing.get(file.id) ?? performance.now();
    missing.set(file.id, since);
    return performance.now() - since >= REMOVED_MS;
  };

  const rejectIt = async (file: OpenFile, reason: string) => {
    try {
      await reject(database, file.proposal_id ?? '', { by: 'files', reason });
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'conflict')) throw error;
      log.debug({ file: file.name }, error.message);
    }
  };

  /** Returns whether anything is open no more. */
  return async function withdrawChanged(open: OpenFile[]): Promise<boolean> {
    let changed = false;
    const waiting = open.filter(
      (file) =>
        (file.status === 'taken' && file.note !== null) || (file.status === 'planned' && file.inode !== null),
    );
    const ids = new Set(waiting.map((file) => file.id));
    for (const known of [seen, missing]) for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    for (const file of waiting.slice(0, MOST_LOOKED_AT)) {
      const found = await look(folders.path('inbox', file.name));
      if (found === null) {
        if (!isRemoved(file) || !(await isUndecided(database, file.id))) continue;
        // First the row, so that nothing more is written for what its owner took away.
        if (!(await markReplaced(database, ownership, file.id))) continue;
        if (file.proposal_id !== null) await rejectIt(file, 'its file was removed from the inbox');
        database.hints.tell('events');
        changed = true;
        continue;
      }
      missing.delete(file.id);
      if (file.status === 'planned' || typeof found === 'string' || !(await isChanged(file, found))) continue;
      await rejectIt(file, 'its file was written anew; the new text is a task of its own');
      seen.delete(file.id);
    }
    return changed;
  };
}
