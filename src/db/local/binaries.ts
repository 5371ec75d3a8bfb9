import { constants, type Dirent } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { codeOf, readIfThere, syncDirectory, syncFile } from '../../lib/files.ts';
import { type Host, isBundledPlatform, platformName } from './host.ts';
import type { RunAs } from './run-as.ts';
import { type ProgramResult, runProgram } from './run-program.ts';

const manifest = z.object({ version: z.string() });
const links = z.array(z.object({ source: z.string(), target: z.string() }));

export type Binaries = { folder: string; initdb: string; pgCtl: string; major: number };

/**
 * The bundled programs, ready to be run by `user`: straight from node_modules where that works, else from
 * a copy in `place`. The caller holds the start lock of the home.
 */
export async function prepareBinaries(host: Host, user: RunAs, place: string): Promise<Binaries> {
  const native = requireNative(host);
  const linked = await linkLibraries(native);
  const direct = linked ? await tryBinaries(native, user) : null;
  if (direct?.code === 0) return binariesIn(native, direct.output);

  const copy = await copyFolder(native, place);
  const cached = await tryBinaries(copy, user);
  if (cached.code === 0) return binariesIn(copy, cached.output);
  await copyBinaries(native, copy);
  const fresh = await tryBinaries(copy, user);
  if (fresh.code === 0) return binariesIn(copy, fresh.output);
  throw new AppError(
    'database_unavailable',
    `The bundled PostgreSQL (${native}, copied to ${copy}) does not run as ${user.name}: ` +
      `${fresh.output || `exit code ${fresh.code}`}. It needs glibc (no Alpine) and a file system without ` +
      'noexec. Otherwise give a DATABASE_URL.',
  );
}

export function requireNative(host: Host): string {
  if (host.native !== null) return host.native;
  const reason = isBundledPlatform()
    ? `The package ${host.packageName} is not installed; npm leaves it out with --omit=optional. Run npm install`
    : `There is no bundled PostgreSQL for ${platformName()}. Install PostgreSQL 15 or newer`;
  throw new AppError('config_invalid', `${reason}, or give a DATABASE_URL.`);
}

/** Copies of other versions; nothing uses them once no server of this place runs. */
export async function removeOtherCopies(place: string, current: Binaries): Promise<void> {
  for (const name of await readdir(place)) {
    if (!name.startsWith('binaries-') || name === basename(current.folder)) continue;
    await rm(join(place, name), { recursive: true, force: true });
  }
}

function binariesIn(folder: string, versionLine: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string): string => join(folder, 'bin', name + suffix);
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(versionLine)?.[1] ?? Number.NaN);
  return { folder, initdb: program('initdb'), pgCtl: program('pg_ctl'), major };
}

/** Running them is the one test that sees closed folders, noexec, missing libraries and a foreign libc. */
async function tryBinaries(folder: string, user: RunAs): Promise<ProgramResult> {
  const options = { user, timeoutMs: 20_000 };
  try {
    if (process.platform === 'win32') {
      return await runProgram(join(folder, 'bin', 'postgres.exe'), ['--version'], options);
    }
    const script =
      '"$1/bin/initdb" --version >/dev/null && test -r "$1/share/postgresql/postgres.bki" && "$1/bin/postgres" --version';
    return await runProgram('/bin/sh', ['-c', script, 'sh', folder], options);
  } catch (error) {
    return { code: null, output: String(error) };
  }
}

/**
 * npm packages cannot hold symbolic links; the package lists them for a postinstall script, which npm 12,
 * pnpm and --ignore-scripts do not run. False when they are missing and cannot be made here.
 */
async function linkLibraries(native: string): Promise<boolean> {
  for (const { link, target } of await libraryLinks(native)) {
    try {
      await symlink(target, link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') return false;
    }
  }
  return true;
}

async function libraryLinks(native: string): Promise<{ link: string; target: string }[]> {
  const text = await readIfThere(join(native, 'pg-symlinks.json'));
  if (text === null) return [];
  // Both are written relative to the package; the link is the "target" of the list.
  const list = links.parse(JSON.parse(text));
  const inNative = (path: string): string => join(native, relative('native', path));
  return list.map(({ source, target }) => {
    const link = inNative(target);
    return { link, target: relative(dirname(link), inNative(source)) };
  });
}

async function copyFolder(native: string, place: string): Promise<string> {
  const text = await readFile(join(native, '..', 'package.json'), 'utf8');
  const { version } = manifest.parse(JSON.parse(text));
  return join(place, `binaries-${version}`);
}

/** Under another name first, and synced: a copy that was cut short must never be taken for a whole one. */
async function copyBinaries(native: string, copy: string): Promise<void> {
  const temporary = await mkdtemp(`${copy}.tmp-`);
  try {
    await copyTree(native, temporary);
    if (!(await linkLibraries(temporary))) throw new Error(`symbolic links cannot be made in ${temporary}`);
    await rm(copy, { recursive: true, force: true });
    await rename(temporary, copy);
    await syncDirectory(dirname(copy));
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw new AppError('database_unavailable', `${native} cannot be copied to ${copy}: ${String(cause)}`, {
      cause,
    });
  }
}

/** Readable by everybody, whatever the modes of the originals and the umask are; 60 MB, nothing secret. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  const copyEntry = async (entry: Dirent): Promise<void> => {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) return copyTree(source, target);
    // Links are made from the list; archives (.a) are for compilers only.
    if (!entry.isFile() || entry.name.endsWith('.a')) return;
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, basename(from) === 'bin' || /\.so\b/.test(entry.name) ? 0o755 : 0o644);
    await syncFile(target);
  };
  await Promise.all((await readdir(from, { withFileTypes: true })).map(copyEntry));
  await syncDirectory(to);
}
