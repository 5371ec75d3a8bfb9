import { link, lstat, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, isThere, syncDirectory } from '../../lib/files.ts';
import { putWhole } from '../disk/put-whole.ts';
import { readWhole } from '../disk/read-whole.ts';
import { digestOf } from '../inbox/take.ts';

/** Which file of the inbox is meant, and what it becomes. */
export type Renaming = {
  /** Names the private step between; from the row's id, so that it is found again after a crash. */
  id: string;
  name: string;
  inode: string | null;
  digest: string;
  ending: 'done' | 'failed';
  /** The text it was taken with, for a file that is gone. Null: it was never read. */
  text: string | null;
  takenAt: Date;
};

type IsOurs = (path: string) => Promise<boolean>;

/**
 * Renames a worked file to `.done` or `.failed`. The file is first moved to a private name and looked at there,
 * so that a file which has taken its place in the meantime is put back and never taken for it; the older file
 * under the final name is numbered. Can be cut off anywhere and run again.
 * @returns the final name
 */
export async function renameFinished(folder: string, given: Renaming): Promise<string> {
  const path = (name: string) => join(folder, name);
  const final = `${given.name}.${given.ending}`;
  const other = `${given.name}.${given.ending === 'done' ? 'failed' : 'done'}`;
  const personal = `.opsloop-${given.id}.finishing`;

  // Written over in place, the file is another one; one whose content was never read is known by inode alone.
  const isOurs: IsOurs = async (file) =>
    (await isFile(file, given.inode)) && (given.text === null || (await stillHolds(file, given.digest)));
  /** Copied back from a backup, a file has another inode, and is older than its task. */
  const isRestored: IsOurs = async (file) =>
    (await isOlder(file, given.takenAt)) && (await hasDigest(file, given.digest));

  if (await isThere(path(personal))) {
    // Cut off here before: ours, or the text that stands for it, or somebody's that is put back.
    if (
      !(await isOurs(path(personal))) &&
      !(await isRestored(path(personal))) &&
      !(await holdsText(path(personal), given))
    )
      await putBack(path(given.name), path(personal));
  }
  if (!(await isThere(path(personal)))) {
    if (await isOurs(path(final))) return final;
    const moved =
      (await moveAside(path(given.name), path(personal), isOurs)) ||
      (await moveAside(path(other), path(personal), isOurs)) ||
      (await moveAside(path(given.name), path(personal), isRestored));
    if (!moved) {
      if (given.text === null || (await holdsText(path(final), given))) return final;
      // It was removed or replaced while it was worked; its text is kept as if it were still there.
      await putWhole(folder, personal, given.text);
    }
  }
  await numberOlder(folder, final);
  await rename(path(personal), path(final));
  await syncDirectory(folder);
  return final;
}

/** Moves the file to its private name; what turns out to be another file goes back under its own. */
async function moveAside(source: string, personal: string, isOurs: IsOurs): Promise<boolean> {
  if (!(await isOurs(source))) return false;
  try {
    await rename(source, personal);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  if (await isOurs(personal)) return true;
  await putBack(source, personal);
  return false;
}

/** A file of somebody else gets its name back, or the next one where a still newer one has it. */
async function putBack(source: string, personal: string): Promise<void> {
  try {
    await link(personal, source);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const ours = await lstat(personal, { bigint: true });
    // Cut off here before, it has its name already.
    if (!(await isFile(source, String(ours.ino))))
      await link(personal, source.replace(/(\.txt|)$/, `_${Date.now()}$1`));
  }
  await unlink(personal);
}

/** `a.txt.done` of an earlier task becomes `a.txt.1.done`, `.2.done`, …; nothing is overwritten. */
async function numberOlder(folder: string, final: string): Promise<void> {
  const path = join(folder, final);
  const older = await lstat(path, { bigint: true }).catch(() => null);
  if (!older) return;
  if (!older.isFile()) {
    // A folder or a device cannot have a second name.
    await rename(path, `${path}.${Date.now()}`);
    return;
  }
  const [, base = '', ending = ''] = /^(.*)\.(done|failed)$/s.exec(final) ?? [];
  const numberOf = (name: string) =>
    name.startsWith(`${base}.`) && name.endsWith(`.${ending}`)
      ? Number(name.slice(base.length + 1, -ending.length - 1) || Number.NaN)
      : Number.NaN;
  const numbered = (await readdir(folder)).filter((name) => Number.isInteger(numberOf(name)));
  // Cut off after this step, it has its number already.
  for (const name of older.nlink > 1n ? numbered : []) {
    if (await isFile(join(folder, name), String(older.ino))) return;
  }
  for (let number = Math.max(0, ...numbered.map(numberOf)) + 1; ; number++) {
    try {
      await link(path, join(folder, `${base}.${number}.${ending}`));
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

async function isFile(path: string, inode: string | null): Promise<boolean> {
  const found = await lstat(path, { bigint: true }).catch(() => null);
  return found !== null && found.isFile() && String(found.ino) === inode;
}

/** For a file that is ours by its inode: only what was read can say that it is another one by now. */
async function stillHolds(path: string, digest: string): Promise<boolean> {
  const read = await readWhole(path, { anyLinks: true });
  if (read.ok) return digestOf(read.bytes) === digest;
  if (read.why === 'unusable' || read.why === 'vanished') return false;
  throw new Error(`${path} cannot be read now: ${read.problem}`);
}

async function hasDigest(path: string, digest: string): Promise<boolean> {
  const read = await readWhole(path);
  return read.ok && digestOf(read.bytes) === digest;
}

async function isOlder(path: string, than: Date): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found !== null && found.mtimeMs < than.getTime();
}

function holdsText(path: string, { text }: Renaming): Promise<boolean> {
  return text === null ? Promise.resolve(false) : hasDigest(path, digestOf(text));
}
