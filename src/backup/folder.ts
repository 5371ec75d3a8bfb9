import { createHash } from 'node:crypto';
import { link, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { makeHome, tryLock } from '../db/local/lock.ts';
import { AppError, toError } from '../errors.ts';
import { codeOf, isThere, makeFolderDurably, syncDirectory } from '../lib/files.ts';
import { markOf } from './mark.ts';

/** With less PostgreSQL may stop in the middle of a write. */
export const RESERVE_BYTES = 2 ** 30;
/** What a restore writes besides the rows: the log of their writing, up to a checkpoint. */
export const WAL_BYTES = 1.5 * 2 ** 30;

/** Free bytes where a path is. */
export type FreeSpace = (path: string) => Promise<number>;
export const freeSpace: FreeSpace = async (path) => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};

/** One of a home is made, or restored, at a time. @throws AppError already_running */
export async function withBackupLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  await makeHome(home);
  const lock = await tryLock(join(home, 'backup-lock'));
  if (!('release' in lock))
    throw new AppError(
      'already_running',
      `Process ${lock.owner.pid} has been making or restoring a backup of ${home} since ${lock.owner.since}; wait for it.`,
      { details: lock.owner },
    );
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Ends the names of files that are being written; before it stand the mark of the home and the machine. */
const PARTIAL = '.partial';
/** Nobody writes for so long. */
const DEAD_AFTER_MS = 86_400_000;

function thisMachine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
}

/**
 * Writes a file under a name that nobody takes for a backup, and gives it the name that `write` returns once it is whole and
 * on the disk.
 * Never over another file. What this home left behind in the folder when it was cut off is tidied away first; the
 * caller sees to it that a home writes one at a time.
 */
export async function putBackup<T extends { file: string }>(
  path: string,
  home: string,
  write: (file: FileHandle, partial: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(path);
  const mark = await markOf(home);
  if (await isThere(path)) throw exists(path);
  try {
    await makeFolderDurably(folder, 0o700);
    await tidy(folder, mark);
  } catch (error) {
    throw notWritable(folder, error);
  }
  const partial = join(folder, `.${basename(path)}.${mark}.${thisMachine()}${PARTIAL}`);
  const file = await open(partial, 'wx', 0o600).catch((error: unknown) => {
    throw notWritable(folder, error);
  });
  try {
    try {
      await file.chmod(0o600);
      const result = await write(file, partial);
      await moveNew(partial, result.file);
      await syncDirectory(folder);
      return result;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw codeOf(error) === 'ENOSPC' ? diskFull(folder) : error;
  } finally {
    await rm(partial, { force: true });
  }
}

/**
 * What this machine left is dead, because we hold the home's lock. A container that was made anew has another name, and so
 * has the machine of a home that was copied whole, which may be writing now: of those age says which it is.
 */
async function tidy(folder: string, mark: string): Promise<void> {
  const left = new RegExp(`^\\..*\\.${mark}\\.([0-9a-f]{12})\\${PARTIAL}$`);
  for (const name of await readdir(folder)) {
    const [, machine] = left.exec(name) ?? [];
    if (machine === undefined) continue;
    const path = join(folder, name);
    if (machine === thisMachine() || (await ageOf(path)) > DEAD_AFTER_MS) await rm(path, { force: true });
  }
}

/** Milliseconds since it was written to; 0 when it is gone meanwhile. */
async function ageOf(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}

/** A rename would replace what is there; a link does not. Some file systems of sticks have no links. */
async function moveNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || (await isThere(to))) throw exists(to);
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) throw error;
    await rename(from, to);
  }
}

function exists(path: string): AppError {
  return new AppError(
    'conflict',
    `Refusing to overwrite: ${path} is there already. Give another name, or move it away.`,
  );
}

function notWritable(folder: string, error: unknown): AppError {
  return new AppError(
    'config_invalid',
    `The folder ${folder} cannot be written to (${codeOf(error) ?? toError(error).message}). Give one where you may write.`,
  );
}

export function diskFull(where: string, needed?: { free: number; needs: number; for: string }): AppError {
  const mb = (bytes: number) => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MB`;
  const found =
    needed === undefined
      ? 'the disk became full.'
      : `${mb(needed.free)} are free, ${needed.for} needs ${mb(needed.needs)} (1,024 MB of it stay free).`;
  return new AppError(
    'disk_full',
    `Not enough space where ${where} is: ${found} Free some, give another folder, or keep fewer (\`backups\` in config.json).`,
  );
}
