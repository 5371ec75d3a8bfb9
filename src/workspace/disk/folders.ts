import { constants, lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { codeOf, makeFolderDurably } from '../../lib/files.ts';

/** The folders of a workspace. `logs/` and `state/` belong to the older system too. */
export const FOLDERS = ['inbox', 'outputs', 'approvals', 'logs', 'state'] as const;
export type Folder = (typeof FOLDERS)[number];

export type Folders = { root: string; path(folder: Folder, name?: string): string };

export function foldersOf(workspace: string): Folders {
  return {
    root: workspace,
    path: (folder, name) => (name === undefined ? join(workspace, folder) : join(workspace, folder, name)),
  };
}

/** Makes the folders that are missing. @throws AppError workspace_unavailable */
export async function makeFolders(folders: Folders): Promise<void> {
  try {
    for (const folder of FOLDERS) await makeFolderDurably(folders.path(folder), 0o755);
  } catch (error) {
    throw unavailable(folders.root, error);
  }
  await requireRealFolders(folders);
}

/**
 * A folder that became a link would lead every name in it somewhere else.
 * @throws AppError workspace_unavailable
 */
export async function requireRealFolders(
  folders: Folders,
  which: readonly Folder[] = FOLDERS,
): Promise<void> {
  try {
    const root = await realpath(folders.root);
    for (const folder of which) {
      const found = await lstat(folders.path(folder));
      if (!found.isDirectory() || (await realpath(folders.path(folder))) !== join(root, folder))
        throw leadsElsewhere(folders.path(folder));
    }
  } catch (error) {
    throw error instanceof AppError ? error : unavailable(folders.root, error);
  }
}

/**
 * Works in a folder by what is open, not by its name: a link that takes its place meanwhile leads nothing astray. Where
 * the system has no such way to it (all but Linux), the name is looked at right before.
 * @throws AppError workspace_unavailable
 */
export async function inRealFolder<Result>(
  folders: Folders,
  folder: Folder,
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  await requireRealFolders(folders, [folder]);
  const name = folders.path(folder);
  if (process.platform !== 'linux') return work(name);
  const handle = await open(name, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    throw unavailable(name, error);
  });
  const path = `/proc/self/fd/${handle.fd}`;
  try {
    const [opened, root] = await Promise.all([realpath(path), realpath(folders.root)]).catch(
      (error: unknown) => {
        throw unavailable(name, error);
      },
    );
    if (opened !== join(root, folder)) throw leadsElsewhere(name);
    return await work(path);
  } catch (error) {
    // People know the folder by its name.
    if (error instanceof Error) error.message = error.message.replaceAll(path, name);
    throw error;
  } finally {
    await handle.close();
  }
}

function leadsElsewhere(path: string): AppError {
  return new AppError(
    'workspace_unavailable',
    `${path} is not a folder of its own but leads somewhere else. Nothing is read or written there until it is one.`,
  );
}

const REMEDIES: Record<string, string> = {
  ENOSPC: 'The disk is full; free some space.',
  EDQUOT: 'The quota is used up; free some space.',
  EROFS: 'The file system is read-only.',
  EACCES: 'The permissions do not allow it.',
  EPERM: 'The permissions do not allow it.',
  ENOENT: 'It is gone; was it moved, or is it not mounted?',
  ENOTDIR: 'A folder is expected there.',
};

/** Whether the file system refused something. The database's errors can have the same codes, but name no path. */
export function isDiskError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error && 'path' in error;
}

/** What went wrong with the disk, as people understand it. It is tried again by itself. */
export function unavailable(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error) ?? 'unknown';
  return new AppError(
    'workspace_unavailable',
    `${path} cannot be used (${code}). ${REMEDIES[code] ?? ''} It is tried again by itself; nothing is lost.`,
    { cause: error, retryAfter: 5 },
  );
}
