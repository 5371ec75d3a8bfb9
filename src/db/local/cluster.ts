import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import type { Binaries } from './binaries.ts';
import { isThere, readIfThere, syncDirectory, writeDurably } from '../../lib/files.ts';
import { type HomeFiles, readOwn } from './home-state.ts';
import type { RunAs } from './run-as.ts';
import { runProgram } from './run-program.ts';
import { includeSettings } from './server-settings.ts';

/** The superuser and the database of a home's own cluster. */
export const NAME = 'opsloop';

export function dataDirOf(place: string): string {
  return join(place, 'data');
}

/** The major version of the cluster; null when there is none. */
export async function clusterMajor(dataDir: string): Promise<number | null> {
  const text = await readIfThere(join(dataDir, 'PG_VERSION'));
  return text === null ? null : Number(text.trim());
}

/** Makes the cluster unless it is there. The caller holds the start lock of the home. */
export async function ensureCluster(
  place: string,
  user: RunAs,
  binaries: Binaries,
  files: HomeFiles,
): Promise<{ created: boolean }> {
  const dataDir = dataDirOf(place);
  const major = await clusterMajor(dataDir);
  if (major !== null && major !== binaries.major) {
    throw new AppError(
      'config_invalid',
      `The data in ${dataDir} is of PostgreSQL ${major}; this opsloop brings ${binaries.major}. ` +
        'Use the opsloop that made it, or move the data to a new home with its export.',
    );
  }
  if (major !== null) return { created: false };
  if (await isThere(dataDir)) {
    throw new AppError(
      'config_invalid',
      `${dataDir} is there but holds no PostgreSQL cluster (no PG_VERSION). opsloop puts only whole clusters ` +
        'there and does not touch this. Move it away, or restore it from a backup.',
    );
  }
  await createCluster(place, user, binaries, files);
  return { created: true };
}

/** In a folder of its own, renamed when whole: an initdb that was killed must not look like a cluster. */
async function createCluster(
  place: string,
  user: RunAs,
  binaries: Binaries,
  files: HomeFiles,
): Promise<void> {
  await removeHalfMade(place);
  const password = (await readIfThere(files.password)) ?? (await newPassword(files.password));
  const folder = join(place, `init-${randomBytes(6).toString('hex')}`);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await mkdir(folder);
  await chmod(folder, 0o711);
  await mkdir(data, { mode: 0o700 });
  await writeDurably(passwordFile, password, 0o600);
  if (!user.self) for (const path of [data, passwordFile]) await chown(path, user.uid ?? 0, user.gid ?? 0);

  // initdb's own sync is kept: leaving it out saves about 80 ms once, and a cluster that a power cut can break.
  const result = await runProgram(
    binaries.initdb,
    [
      '-D',
      data,
      '-U',
      NAME,
      '--encoding=UTF8',
      '--locale=C',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
    ],
    { user, timeoutMs: 120_000 },
  );
  if (result.code !== 0) {
    await removeHalfMade(place);
    throw new AppError(
      'database_unavailable',
      `PostgreSQL's initdb failed in ${place} (exit code ${result.code}): ${result.output.slice(-1_500)}`,
    );
  }
  await rm(passwordFile);
  await includeSettings(data, user);
  await syncDirectory(folder);
  await rename(data, dataDirOf(place));
  await syncDirectory(place);
  await rm(folder, { recursive: true });
}

async function removeHalfMade(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    if (!/^init-[0-9a-f]{12}$/.test(name)) continue;
    const folder = join(place, name);
    // Closed first: the other user must not swap things in there while root removes them.
    await chmod(folder, 0o700);
    // An initdb whose starter was killed may still be writing there for a moment.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function newPassword(path: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await writeDurably(path, password, 0o600);
  return password;
}

export async function readPassword(files: HomeFiles): Promise<string> {
  const password = await readOwn(files, files.password);
  if (password !== null) return password.trim();
  throw new AppError(
    'database_unavailable',
    `${files.password} is missing, so nobody can sign in to the cluster of ${files.home}. ` +
      'Put the file back from a backup.',
  );
}
