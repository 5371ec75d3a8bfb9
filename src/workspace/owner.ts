import { randomUUID } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import type { Database, Db } from '../db/database.ts';
import { isAlive, ownIdentity } from '../db/local/processes.ts';
import { AppError } from '../errors.ts';
import { codeOf } from '../lib/files.ts';
import {
  FOLDERS,
  type Folders,
  inRealFolder,
  makeFolders,
  requireRealFolders,
  unavailable,
} from './disk/folders.ts';
import { putWhole, TEMPORARY } from './disk/put-whole.ts';
import { readWhole } from './disk/read-whole.ts';
import { tidy } from './disk/tidy.ts';
import {
  type Held,
  type Holder,
  lockOwners,
  selectOtherOwners,
  selectWorkspace,
  takeOwnership,
  workspaceAt,
} from './owner-queries.ts';
import type { Mode, WorkspaceRow } from './schema.ts';

/** Names a workspace wherever it is mounted, and says that it is there at all. */
const MARK = 'opsloop.json';
const Mark = z.object({ workspace: z.uuid() });

export type Acquired = { workspace: WorkspaceRow } | { heldBy: Held };

/** Who would own the workspace: one boot of this process. */
export async function makeOwner(): Promise<{ owner: string; holder: Holder }> {
  const { pid, start } = await ownIdentity();
  return { owner: randomUUID(), holder: { host: hostname(), pid, start, place: await placeOfProcesses() } };
}

/**
 * Makes this boot the owner of the folder, unless another live process owns a workspace of this database; then
 * nothing is touched. A folder that was empty is processed; one that others have used is observed until the
 * configuration says otherwise, and what was once said holds.
 * @throws AppError workspace_unavailable
 */
export async function acquire(
  database: Database,
  folders: Folders,
  me: { owner: string; holder: Holder },
  configured: Mode | undefined,
): Promise<Acquired> {
  const heldBy = await database.transaction((tx) => liveOwner(tx, me.owner));
  if (heldBy) return { heldBy };
  const untouched = await isUntouched(folders);
  const known = await readMark(folders);
  if (known === null) await requireNew(database, folders);
  await makeFolders(folders);
  await tidy(folders);
  const id = (await readMark(folders)) ?? (await makeMark(folders));
  return database.transaction(async (tx) => {
    const other = await liveOwner(tx, me.owner);
    if (other) return { heldBy: other };
    const before = await selectWorkspace(tx, id);
    const mode = configured ?? before?.mode ?? (untouched ? 'process' : 'observe');
    return { workspace: await takeOwnership(tx, { ...me, workspaceId: id, path: folders.root, mode }) };
  });
}

async function liveOwner(tx: Db, owner: string): Promise<Held | null> {
  await lockOwners(tx);
  for (const other of await selectOtherOwners(tx, owner)) if (!(await isDead(other.holder))) return other;
  return null;
}

/** A workspace that was here and shows no mark is not mounted: a new one in its place would swallow its outputs. */
async function requireNew(database: Database, folders: Folders): Promise<void> {
  const id = await workspaceAt(database, folders.root);
  if (id === null) return;
  throw new AppError(
    'workspace_unavailable',
    `${folders.path('state', MARK)} is not there, but a workspace of this database was: is it not mounted? If it is gone for good, begin it anew: mkdir -p ${folders.path('state')} && echo '{"workspace":"${id}"}' > ${folders.path('state', MARK)}`,
  );
}

/** @returns the workspace's id; null when the mark is not there: the folder is new, or not mounted. */
export async function readMark(folders: Folders): Promise<string | null> {
  const read = await readWhole(folders.path('state', MARK), { anyLinks: true }).catch((error: unknown) => {
    throw unavailable(folders.path('state', MARK), error);
  });
  if (!read.ok && read.why === 'vanished') return null;
  const parsed = read.ok ? Mark.safeParse(parseJson(read.text)) : null;
  if (parsed?.success) return parsed.data.workspace;
  throw new AppError(
    'workspace_unavailable',
    `${folders.path('state', MARK)} cannot be read (${read.ok ? 'it is no mark of ours' : read.problem}). Put the file back as it was.`,
  );
}

/**
 * Before anything is read or written: the folders are ours, and the disk they are on is there.
 * @throws AppError workspace_unavailable
 */
export async function requireWorkspace(folders: Folders, workspaceId: string): Promise<void> {
  await requireRealFolders(folders);
  if ((await readMark(folders)) === workspaceId) return;
  throw new AppError(
    'workspace_unavailable',
    `${folders.path('state', MARK)} is gone: the workspace was moved, or it is not mounted. Put it back; nothing is taken or written until then.`,
  );
}

async function makeMark(folders: Folders): Promise<string> {
  const workspace = randomUUID();
  try {
    await inRealFolder(folders, 'state', (state) =>
      putWhole(state, MARK, `${JSON.stringify({ workspace })}\n`),
    );
  } catch (error) {
    throw unavailable(folders.path('state'), error);
  }
  // Somebody else may have been faster; what is on the disk is the name.
  return (await readMark(folders)) ?? workspace;
}

/** Nothing is in it but our own folders, and nothing in them but our mark. */
async function isUntouched(folders: Folders): Promise<boolean> {
  try {
    for (const entry of await readdir(folders.root)) {
      const folder = FOLDERS.find((name) => name === entry);
      if (!folder) return false;
      const inside = await readdir(folders.path(folder));
      if (inside.some((name) => !name.startsWith(TEMPORARY) && (folder !== 'state' || name !== MARK)))
        return false;
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw unavailable(folders.root, error);
  }
}

/** Known only of processes that this one can see; others are waited for until their lease ends. */
async function isDead(holder: Holder | null): Promise<boolean> {
  if (!holder?.start || holder.host !== hostname() || holder.place !== (await placeOfProcesses()))
    return false;
  return !(await isAlive(holder));
}

/** Two containers can have one host name, and each its own processes under the same numbers. */
async function placeOfProcesses(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()} ${await readlink('/proc/self/ns/pid').catch(() => '')}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
