import { lstat, readdir, stat } from 'node:fs/promises';
import { codeOf, isMissing } from '../../lib/files.ts';
import { isTaskName, nameProblem } from '../conventions/names.ts';
import { unavailable } from '../disk/folders.ts';
import { type Signature, toSignature } from '../disk/read-whole.ts';

export type Refused = { name: string; problem: string };
export type Listing = {
  /** Of the folder that was listed: another one may stand in its place by now. */
  inode: string;
  /** All names that can be read. */
  names: Set<string>;
  /** Task files by name, in the order in which they are taken. */
  tasks: string[];
  refused: Refused[];
};

/** What is in the inbox. Names that cannot be used are refused here; hidden files are nobody's business. */
export async function listInbox(folder: string): Promise<Listing> {
  const [entries, { ino }] = await Promise.all([
    readdir(folder, { encoding: 'buffer' }),
    stat(folder, { bigint: true }),
  ]).catch((error: unknown) => {
    throw unavailable(folder, error);
  });
  const listing: Listing = { inode: String(ino), names: new Set(), tasks: [], refused: [] };
  for (const entry of entries) {
    const name = entry.toString('utf8');
    if (name.startsWith('.')) continue;
    if (!Buffer.from(name).equals(entry)) {
      listing.refused.push({ name: printable(entry), problem: 'its name is not UTF-8' });
      continue;
    }
    listing.names.add(name);
    if (!isTaskName(name)) continue;
    const problem = nameProblem(name);
    if (problem === null) listing.tasks.push(name);
    else listing.refused.push({ name: printable(entry), problem });
  }
  listing.tasks.sort((a, b) => (a < b ? -1 : 1));
  return listing;
}

/** Looks at a file without opening it; a text is why it is none that can be taken, null says that it is not there. */
export async function look(path: string): Promise<Signature | string | null> {
  try {
    return toSignature(await lstat(path, { bigint: true }));
  } catch (error) {
    return isMissing(error) ? null : `it cannot be looked at (${codeOf(error) ?? 'unknown'})`;
  }
}

/** A name as it can be shown and stored. */
function printable(name: Buffer): string {
  return name
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
