import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { isAlive, ownIdentity } from '../db/local/processes.ts';
import { AppError } from '../errors.ts';
import { codeOf } from '../lib/files.ts';
import { FOLDERS, type Folders, makeFolders, unavailable } from './disk/folders.ts';
import { putWhole, TEMPORARY } from './disk/put-whole.ts';
import { readWhole } from './disk/read-whole.ts';
import { tidy } from './disk/tidy.ts';
import {
  type Held,
  type Holder,
  lockOwners,
  selectOtherOwner,
  selectWorkspace,
  takeOwnership,
} from './owner-queries.ts';
import type { Mode, WorkspaceRow } from './schema.ts';

/** Names a workspace wherever it is mounted, and says that it is there at all. */
const MARK = 'opsloop.json';
const Mark = z.object({ workspace: z.uuid() });

export type Acquired = { workspace: WorkspaceRow } | { heldBy: Held };

/** Who would own the workspace: one boot of this process. */
export async function makeOwner(): Promise<{ owner: string; holder: Holder }> {
  const { pid, start } = await ownIdentity();
  return { owner: randomUUID(), holder: { host: hostname(), pid, start } };
}

/**
 * Makes this boot the owner of the folder, unless another live process owns a workspace of this database.
 * A folder that was empty is processed; one that others have used is observed until the configuration says
 * otherwise, and what was once said holds.
 * @throws AppError workspace_unavailable
 */
export async function acquire(
  database: Database,
  folders: Folders,
  me: { owner: string; holder: Holder },
  configured: Mode | undefined,
): Promise<Acquired> {
  const untouched = await isUntouched(folders);
  await makeFolders(folders);
  // A mark that was linked and not yet unlinked from its first name could not be read.
  await tidy(folders);
  const id = (await readMark(folders)) ?? (await makeMark(folders));
  return database.transaction(async (tx) => {
    await lockOwners(tx);
    const other = await selectOtherOwner(tx, me.owner);
    if (other && !(await isDead(other.holder))) return { heldBy: other };
    const known = await selectWorkspace(tx, id);
    const mode = configured ?? known?.mode ?? (untouched ? 'process' : 'observe');
    return { workspace: await takeOwnership(tx, { ...me, workspaceId: id, path: folders.root, mode }) };
  });
}

/** @returns the workspace's id; null when the mark is not there: the folder is new, or not mounted. */
export async function readMark(folders: Folders): Promise<string | null> {
  const read = await readWhole(folders.path('state', MARK)).catch((error: unknown) => {
    throw unavailable(folders.path('state', MARK), error);
  });
  if (!read.ok && read.why === 'vanished') return null;
  const parsed = read.ok ? Mark.safeParse(parseJson(read.text)) : null;
  if (parsed?.success) return parsed.data.workspace;
  throw new AppError(
    'workspace_unavailable',
    `${folders.path('state', MARK)} cannot be read (${read.ok ? 'it is no mark of ours' : read.problem}). Put the file back, or remove it to make this a new workspace.`,
  );
}

async function makeMark(folders: Folders): Promise<string> {
  const workspace = randomUUID();
  try {
    await putWhole(folders.path('state'), MARK, `${JSON.stringify({ workspace })}\n`);
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

/** Known only of processes of this machine; others are waited for until their lease ends. */
async function isDead(holder: Holder | null): Promise<boolean> {
  return holder !== null && holder.host === hostname() && !(await isAlive(holder));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
