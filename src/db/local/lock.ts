/**
 * A lock is a directory of numbered files. The highest number says who holds it, or that it was released.
 * A number is taken by link(2), which fails when it exists, and is never reused: a starter that judged
 * number 5 to be stale can only try to become 6, so it cannot take away what somebody got meanwhile.
 * (Removing a stale lock file and making a new one has that fault: between looking and removing, another
 * starter may have put a live lock there.)
 * Dead means dead on this machine: processes in another container that shares the folder are not seen.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { codeOf, isMissing, readIfThere } from '../../lib/files.ts';
import { isAlive, ownIdentity } from './processes.ts';

export type LockOwner = { pid: number; since: string; port?: number };
export type Held = { release(): Promise<void> };

const lockFile = z.object({
  pid: z.int().positive(),
  start: z.string().nullable(),
  since: z.string(),
  port: z.int().optional(),
  released: z.string().optional(),
});
type LockFile = z.infer<typeof lockFile>;

/** One `opsloop up` per home. */
export async function lockHome(home: string, note: { port?: number } = {}): Promise<Held> {
  await makeHome(home);
  const result = await tryLock(homeLock(home), note);
  if ('release' in result) return result;
  const { pid, since, port } = result.owner;
  const where = port === undefined ? '' : `, port ${port}`;
  throw new AppError(
    'already_running',
    `Another opsloop (process ${pid}${where}) has used ${home} since ${since}. ` +
      'Use that one, stop it first, or give this one another OPSLOOP_HOME.',
    { details: { home, ...result.owner } },
  );
}

/** For root others may pass through (PostgreSQL, which runs as another user) but not look around. */
export async function makeHome(home: string): Promise<void> {
  try {
    await makeFolder(home, process.getuid?.() === 0 ? 0o711 : 0o700);
    await access(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      `The home ${home} cannot be used (${codeOf(cause) ?? String(cause)}). ` +
        'OPSLOOP_HOME must be a folder, or the name of a new one, where you may write.',
      { cause },
    );
  }
}

/** Step by step: on file systems that cannot have folders, Node's own recursive mkdir never ends. */
async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), 0o755);
    await mkdir(path, { mode });
  }
}

/** Who holds the home; null when nobody alive does. */
export async function homeOwner(home: string): Promise<LockOwner | null> {
  const top = await highest(homeLock(home));
  return top === null ? null : liveOwner(top.file);
}

function homeLock(home: string): string {
  return join(home, 'lock');
}

export async function tryLock(
  directory: string,
  note: { port?: number } = {},
): Promise<Held | { owner: LockOwner }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const mine: LockFile = { ...(await ownIdentity()), since: new Date().toISOString(), ...note };
  for (;;) {
    const top = await highest(directory);
    const owner = top === null ? null : await liveOwner(top.file);
    if (owner !== null) return { owner };
    const number = (top?.number ?? 0) + 1;
    if (!(await take(directory, number, mine))) continue;
    // Numbers below the highest are tidied away, so a slow starter may have got a free but old one.
    if ((await highest(directory))?.number !== number) continue;
    await tidy(directory, number);
    return { release: () => release(join(directory, String(number)), mine) };
  }
}

async function take(directory: string, number: number, content: LockFile): Promise<boolean> {
  const temporary = join(directory, `${randomBytes(8).toString('hex')}.new`);
  await writeFile(temporary, textOf(content), { mode: 0o600, flag: 'wx' });
  try {
    await link(temporary, join(directory, String(number)));
    return true;
  } catch (error) {
    // ENOENT: the winner tidied our temporary file away.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function release(path: string, mine: LockFile): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.new`;
  try {
    await writeFile(temporary, textOf({ ...mine, released: new Date().toISOString() }), { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    // The home was removed while we ran: nothing is left to be locked.
    if (!isMissing(error)) throw error;
  }
}

/** Not synced to disk: after a power cut no owner is alive, and a damaged file locks nothing. */
function textOf(content: LockFile): string {
  return `${JSON.stringify(content)}\n`;
}

/** The one below stays, so that a listing that runs at the same moment always meets a number. */
async function tidy(directory: string, number: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const old = /^\d+$/.test(name) && Number(name) < number - 1;
    if (old || name.endsWith('.new')) await rm(join(directory, name), { force: true });
  }
}

async function highest(directory: string): Promise<{ number: number; file: LockFile | null } | null> {
  for (;;) {
    const number = Math.max(0, ...(await numbersIn(directory)));
    if (number === 0) return null;
    const text = await readIfThere(join(directory, String(number)));
    if (text !== null) return { number, file: parse(text) };
  }
}

async function numbersIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Lock files are written whole; one that cannot be read was damaged later and locks nothing. */
function parse(text: string): LockFile | null {
  try {
    return lockFile.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function liveOwner(file: LockFile | null): Promise<LockOwner | null> {
  if (file === null || file.released !== undefined || !(await isAlive(file))) return null;
  return { pid: file.pid, since: file.since, ...(file.port === undefined ? {} : { port: file.port }) };
}
