import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BridgeParts } from '../bridge-parts.ts';
import { inRealFolder } from '../disk/folders.ts';
import { putWhole } from '../disk/put-whole.ts';
import { notePlanned } from '../file-queries.ts';
import { holdOwnership } from '../owner-queries.ts';
import { type FileRow, OwnershipLost } from '../schema.ts';
import { freeTaskName } from './free-names.ts';

/** Puts a task that an answer asked for into the inbox, where people see it like any other. */
export function placePlanned(parts: BridgeParts, planned: FileRow, openNames: Set<string>): Promise<void> {
  return inRealFolder(parts.folders, 'inbox', (inbox) => place(parts, inbox, planned, openNames));
}

async function place(
  parts: BridgeParts,
  inbox: string,
  planned: FileRow,
  openNames: Set<string>,
): Promise<void> {
  if (!(await holdOwnership(parts.database, parts.ownership))) throw new OwnershipLost();
  const put = await putWhole(inbox, planned.name, planned.content ?? '');
  // Where somebody has taken the name in the meantime, the next one is noted first and used at the next look:
  // a file that lies there under a name nobody noted would be taken for a person's.
  const placed = put.ok
    ? { name: planned.name, inode: put.inode }
    : { name: await freeTaskName(parts, planned.name, openNames), inode: null };
  const noted = await notePlanned(parts.database, parts.ownership, planned.id, placed);
  if (!noted && put.ok && put.made && (await holdOwnership(parts.database, parts.ownership))) {
    // It was withdrawn while this was written: nobody asks for it any more. (An owner who has lost the workspace
    // touches nothing: the file may be what the next one counts on.)
    await unlink(join(inbox, planned.name)).catch(() => undefined);
  }
  parts.database.hints.tell('events');
}
