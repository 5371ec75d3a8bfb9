import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { codeOf, readIfThere, writeDurably } from '../../lib/files.ts';
import type { Host } from './host.ts';
import { mayEnter, type RunAs } from './run-as.ts';

/**
 * What the home remembers. `place` is the folder with the cluster, when that is not `<home>/postgres`:
 * a cluster inside the home is found by its relative place, so that the home can be moved. `created`: the
 * cluster was made, so if it is not there now, it is missing.
 */
const homeState = z.object({
  place: z.string().optional(),
  port: z.int().min(1).max(65_535).optional(),
  created: z.boolean().optional(),
});
export type HomeState = z.infer<typeof homeState>;

export type HomeFiles = {
  home: string;
  folder: string;
  state: string;
  password: string;
  logFile: string;
  startLock: string;
};

export function homeFiles(home: string): HomeFiles {
  const folder = join(home, 'postgres');
  return {
    home,
    folder,
    state: join(folder, 'state.json'),
    password: join(folder, 'password'),
    logFile: join(folder, 'server.log'),
    startLock: join(folder, 'start-lock'),
  };
}

export async function readState(files: HomeFiles): Promise<HomeState> {
  const text = await readOwn(files, files.state);
  if (text === null) return {};
  try {
    return homeState.parse(JSON.parse(text));
  } catch (cause) {
    // Going on without it could make a second, empty cluster beside the one with the data.
    throw new AppError(
      'config_invalid',
      `${files.state} is not usable. It holds {"place": "<folder of the cluster>", "port": <number>, "created": true}; ` +
        'place is left out when the cluster is in the same folder as that file. Repair it by hand.',
      { cause },
    );
  }
}

/** What the home keeps to its owner. */
export async function readOwn(files: HomeFiles, path: string): Promise<string | null> {
  try {
    return await readIfThere(path);
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      `${path} cannot be read (${codeOf(cause) ?? String(cause)}). Run this as the user who owns ${files.home}.`,
      { cause },
    );
  }
}

export async function writeState(files: HomeFiles, state: HomeState): Promise<void> {
  await writeDurably(files.state, `${JSON.stringify(state)}\n`, 0o600);
}

export function placeOf(files: HomeFiles, state: HomeState): string {
  return state.place ?? files.folder;
}

/**
 * The folder for a new cluster: in the home, unless PostgreSQL's user cannot get there (a home below a
 * 0700 folder of root). The name outside has a random part, because a home that was deleted and made
 * again must not meet the old home's cluster, whose password is gone.
 */
export async function choosePlace(files: HomeFiles, user: RunAs, host: Host): Promise<string | undefined> {
  if (user.self) return undefined;
  await chmod(files.folder, 0o711);
  if (await mayEnter(user, files.folder)) return undefined;
  const name = `${await hashOf(files.home)}-${randomBytes(3).toString('hex')}`;
  const place = join(host.outside, name);
  try {
    await mkdir(host.outside, { recursive: true, mode: 0o711 });
    await chmod(host.outside, 0o711);
    await mkdir(place, { mode: 0o711 });
    await chmod(place, 0o711);
    await writeFile(join(place, 'HOME'), `${files.home}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      `PostgreSQL runs as user ${user.name}, who may not enter ${files.home}, and ${place} cannot be made ` +
        `instead. Give an OPSLOOP_HOME that ${user.name} may pass through (chmod 711 on its parents), ` +
        'or a DATABASE_URL.',
      { cause },
    );
  }
  if (!(await mayEnter(user, place))) {
    throw new AppError(
      'config_invalid',
      `PostgreSQL runs as user ${user.name}, who may enter neither ${files.home} nor ${place}. ` +
        'Give an OPSLOOP_HOME that this user may pass through (chmod 711 on its parents), or a DATABASE_URL.',
    );
  }
  return place;
}

/** Clusters outside the home that were made for a home of this path and are not its present one. */
export async function orphansOf(files: HomeFiles, place: string, host: Host): Promise<string[]> {
  const hash = await hashOf(files.home);
  const names = await readdir(host.outside).catch(() => []);
  return names
    .filter((name) => name.startsWith(`${hash}-`) && name !== basename(place))
    .map((name) => join(host.outside, name));
}

async function hashOf(home: string): Promise<string> {
  const path = await realpath(home).catch(() => home);
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}
