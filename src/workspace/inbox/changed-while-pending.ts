import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { reject } from '../../loop/decide.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isTaskName } from '../conventions/names.ts';
import { inRealFolder } from '../disk/folders.ts';
import { isSame, readWhole, type Signature } from '../disk/read-whole.ts';
import { markReplaced, notePlanned } from '../file-queries.ts';
import type { OpenFile } from '../schema.ts';
import { type Listing, look } from './listing.ts';
import { digestOf } from './take.ts';
import { STILL_MS } from './stillness.ts';

const MOST_LOOKED_AT = 5_000;
const REMOVED_MS = 3_000;

/**
 * Files that were put there for later and are no more what they were. One that waits for an operator and is written
 * anew asks for something else: the old proposal is rejected, so that nobody approves what is no longer there, and
 * the new text is a task of its own. One that this process saw and that is gone from the same folder was removed:
 * it is withdrawn, or it would hold up those after it. A planned one that nobody has seen is put there again.
 */
export function makeChangeWatch({ database, folders, ownership, log }: BridgeParts) {
  const seen = new Map<string, { signature: Signature; since: number; changed: boolean }>();
  /** In which folder a name was last seen: another folder in its place says nothing about it. */
  const seenIn = new Map<string, string>();
  const missing = new Map<string, number>();

  const isChanged = async (inbox: string, file: OpenFile, found: Signature): Promise<boolean> => {
    const before = seen.get(file.id);
    const now = performance.now();
    if (before && isSame(before.signature, found)) return before.changed && now - before.since >= STILL_MS;
    const read = await readWhole(join(inbox, file.name));
    const changed = read.ok && read.text.trim() !== '' && digestOf(read.bytes) !== file.digest;
    if (read.ok) seen.set(file.id, { signature: read.signature, since: now, changed });
    return false;
  };

  const isGone = (file: OpenFile): boolean => {
    const since = missing.get(file.id) ?? performance.now();
    missing.set(file.id, since);
    return performance.now() - since >= REMOVED_MS;
  };

  /** @param withRow ends the file's row in the same transaction, so that nothing is written for it any more */
  const rejectIt = async (file: OpenFile, reason: string, withRow = false) => {
    const alongside = async (tx: Db) => void (withRow && (await markReplaced(tx, ownership, file.id)));
    try {
      await reject(database, file.proposal_id ?? '', { by: 'files', reason, alongside });
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'conflict')) throw error;
      log.debug({ file: file.name }, error.message);
    }
  };

  const endRemoved = async (file: OpenFile, inode: string): Promise<boolean> => {
    if (!isGone(file)) return false;
    const wasHere = seenIn.get(file.name) === inode;
    if (file.status === 'planned') {
      if (wasHere) await markReplaced(database, ownership, file.id);
      else await notePlanned(database, ownership, file.id, { name: file.name, inode: null });
    } else if (wasHere) await rejectIt(file, 'its file was removed from the inbox', true);
    else return false;
    database.hints.tell('events');
    return true;
  };

  const withdrawIn = async (
    inbox: string,
    open: OpenFile[],
    listed: Pick<Listing, 'names' | 'inode'>,
  ): Promise<boolean> => {
    let changed = false;
    const waiting = open.filter(
      (file) =>
        (file.status === 'taken' && file.note !== null) || (file.status === 'planned' && file.inode !== null),
    );
    const ids = new Set(waiting.map((file) => file.id));
    for (const known of [seen, missing]) for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    const inode = String((await stat(inbox, { bigint: true })).ino);
    for (const file of waiting.slice(0, MOST_LOOKED_AT)) {
      const found = await look(join(inbox, file.name));
      if (found === null) {
        changed = (await endRemoved(file, inode)) || changed;
        continue;
      }
      missing.delete(file.id);
      if (file.status === 'planned' || typeof found === 'string' || !(await isChanged(inbox, file, found)))
        continue;
      await rejectIt(file, 'its file was written anew; the new text is a task of its own');
      seen.delete(file.id);
    }
    const waitingNames = new Set(waiting.map((file) => file.name));
    for (const name of seenIn.keys())
      if (!listed.names.has(name) && !waitingNames.has(name)) seenIn.delete(name);
    for (const name of listed.names) if (isTaskName(name)) seenIn.set(name, listed.inode);
    return changed;
  };

  /** Returns whether anything is open no more. */
  return (open: OpenFile[], listed: Pick<Listing, 'names' | 'inode'>): Promise<boolean> =>
    inRealFolder(folders, 'inbox', (inbox) => withdrawIn(inbox, open, listed));
}
