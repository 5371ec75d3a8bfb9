import { AppError } from '../../errors.ts';
import { reject } from '../../loop/decide.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isSame, readWhole, type Signature } from '../disk/read-whole.ts';
import type { FileRow } from '../schema.ts';
import { look } from './listing.ts';
import { digestOf } from './take.ts';
import { STILL_MS } from './stillness.ts';

const MOST_LOOKED_AT = 500;

/**
 * A file that waits for an operator and is written anew asks for something else: the old proposal is rejected,
 * so that nobody approves what is no longer there, and the new text is taken as a task of its own. A file
 * that is merely gone changes nothing, for a folder can be gone for a while.
 */
export function makeChangeWatch({ database, folders, log }: BridgeParts) {
  const seen = new Map<string, { signature: Signature; since: number; changed: boolean }>();

  const isChanged = async (file: FileRow): Promise<boolean> => {
    const path = folders.path('inbox', file.name);
    const found = await look(path);
    if (found === null || typeof found === 'string') return false;
    const before = seen.get(file.id);
    const now = performance.now();
    if (before && isSame(before.signature, found)) return before.changed && now - before.since >= STILL_MS;
    const read = await readWhole(path);
    const changed = read.ok && read.text.trim() !== '' && digestOf(read.bytes) !== file.digest;
    if (read.ok) seen.set(file.id, { signature: read.signature, since: now, changed });
    return false;
  };

  return async function withdrawChanged(open: FileRow[]): Promise<void> {
    const pending = open.filter((file) => file.status === 'taken' && file.note !== null);
    const ids = new Set(pending.map((file) => file.id));
    for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
    for (const file of pending.slice(0, MOST_LOOKED_AT)) {
      if (!(await isChanged(file))) continue;
      try {
        await reject(database, file.proposal_id ?? '', {
          by: 'files',
          reason: 'its file was written anew; the new text is a task of its own',
        });
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'conflict')) throw error;
        log.debug({ file: file.name }, error.message);
      }
      seen.delete(file.id);
    }
  };
}
