import { readdir, readlink, realpath, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { NAME } from './cluster.ts';
import { codeOf, isMissing, readIfThere } from '../../lib/files.ts';
import { isAlive } from './processes.ts';

/**
 * What is known about the server of a data folder.
 * `none`: none runs, a start may be tried. `leftover`: none runs, but postmaster.pid names a pid that is in
 * use by something else, so PostgreSQL would refuse to start. `unclear`: ask again later.
 */
export type Found =
  | { kind: 'ours'; port: number; version: string; pid: number }
  | { kind: 'none' }
  | { kind: 'leftover'; pid: number }
  | { kind: 'unclear'; pid: number; why: string };

export async function findServer(dataDir: string, password: string): Promise<Found> {
  const text = await readIfThere(join(dataDir, 'postmaster.pid'));
  if (text === null) return { kind: 'none' };
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0)
    return { kind: 'unclear', pid: 0, why: 'postmaster.pid is being written' };
  const where = await folderOf(pid);
  const folder = await realpath(dataDir);
  if (where !== null && where !== folder) return { kind: 'leftover', pid };
  if (!(await isAlive({ pid, start: null }))) {
    // A zombie still answers to its pid, and PostgreSQL takes that for a running server.
    return isGone(pid) ? { kind: 'none' } : { kind: 'leftover', pid };
  }
  const port = Number(lines[3]);
  if (!Number.isInteger(port) || port <= 0)
    return { kind: 'unclear', pid, why: 'it has not opened its port yet' };
  return askServer(pid, port, folder, password);
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** Only a server that says it works on exactly our folder is ours. */
async function askServer(pid: number, port: number, folder: string, password: string): Promise<Found> {
  const unclear = (why: string): Found => ({ kind: 'unclear', pid, why });
  try {
    return await withClient({ port, password, database: 'postgres' }, async (client) => {
      const { rows } = await client.query<{ dir: string; version: string }>(
        `select current_setting('data_directory') as dir, current_setting('server_version') as version`,
      );
      const row = rows[0];
      if (row === undefined) return unclear(`the server on port ${port} gave no answer`);
      const dir = await realpath(row.dir).catch(() => row.dir);
      if (dir !== folder) return unclear(`the server on port ${port} works on ${dir}`);
      return { kind: 'ours', port, version: row.version, pid };
    });
  } catch (error) {
    const code = codeOf(error);
    // 57P03: cannot_connect_now, while it recovers or stops. 28P01: invalid_password
    if (code === '57P03') return unclear('it is starting or stopping');
    if (code === '28P01')
      return unclear(`the server on port ${port} does not know the password of this home`);
    return unclear(`port ${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function ensureDatabase(port: number, password: string): Promise<void> {
  await withClient({ port, password, database: 'postgres' }, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [NAME]);
    if (rowCount === 0) await client.query(`create database ${NAME}`);
  });
}

async function withClient<T>(
  target: { port: number; password: string; database: string },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: '127.0.0.1',
    user: NAME,
    ssl: false,
    application_name: 'opsloop local',
    connectionTimeoutMillis: 5_000,
    query_timeout: 20_000,
    ...target,
  });
  // Without a listener a server that goes away between two calls would end our process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Moves a postmaster.pid aside whose pid was given to another process or is a zombie's. Not by guess: every
 * process of PostgreSQL has the data folder as its working folder, so if each process of the owner can be
 * looked at and none is there, no server is. False when that cannot be shown (always outside Linux).
 */
export async function setLeftoverAside(dataDir: string): Promise<boolean> {
  const path = join(dataDir, 'postmaster.pid');
  const before = await readIfThere(path);
  if (before === null || !(await isProvenUnused(dataDir))) return false;
  if ((await readIfThere(path)) !== before) return false;
  await rename(path, `${path}.leftover`);
  return true;
}

async function isProvenUnused(dataDir: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const folder = await realpath(dataDir);
  const owner = (await stat(dataDir)).uid;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if ((await readlink(`/proc/${name}/cwd`)) === folder) return false;
    } catch (error) {
      if (isMissing(error)) continue;
      const uid = await stat(`/proc/${name}`).then(
        (found) => found.uid,
        () => owner,
      );
      if (uid === owner) return false;
    }
  }
  return true;
}

/** The working folder of a process; null where that is not known. */
async function folderOf(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  return readlink(`/proc/${pid}/cwd`).catch(() => null);
}
