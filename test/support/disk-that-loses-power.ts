import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signalTo } from './processes.ts';

/** EXT4_IOC_SHUTDOWN, and not even the journal is written: what is not on the disk now never gets there. */
const SHUTDOWN = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))
`;
const BYTES = 1_500_000_000;

/** A file system of its own in a file, from which the power can be taken. */
export type Disk = {
  path: string;
  /** From now on every call fails, and what was not synced is gone. */
  losePower(): void;
  /** As after a restart of the machine; nobody may have a file open there any more. */
  mountAgain(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Why there can be no such disk here; null when there can. @throws Error in CI, where there must be one */
export function whyNoDisk(): string | null {
  const why = findWhyNot();
  if (why !== null && process.env.CI) throw new Error(why);
  return why;
}

function findWhyNot(): string | null {
  if (process.platform !== 'linux') return 'the file system is one of Linux';
  if (process.geteuid?.() !== 0) return 'only root can mount a file system';
  const tried = spawnSync('losetup', ['--find'], { encoding: 'utf8' });
  if (tried.status !== 0) return `there is no loop device: ${tried.stderr ?? tried.error?.message}`;
  return spawnSync('mkfs.ext4', ['-V']).status === 0 ? null : 'there is no mkfs.ext4';
}

export async function makeDisk(): Promise<Disk> {
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-disk-'));
  await chmod(folder, 0o711);
  const image = join(folder, 'image');
  const path = join(folder, 'mounted');
  await writeFile(image, '');
  await truncate(image, BYTES);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  await mkdir(path);
  // Nothing is brought to the disk by the clock within a test: only what is asked for.
  const mount = () => void execFileSync('mount', ['-o', 'loop,commit=300', image, path]);
  mount();
  await chmod(path, 0o711);
  return {
    path,
    losePower: () => void execFileSync('python3', ['-c', SHUTDOWN, path]),
    mountAgain() {
      execFileSync('umount', [path], { stdio: 'pipe' });
      mount();
    },
    async [Symbol.asyncDispose]() {
      // What a test that failed left there.
      for (const pid of await workingIn(path)) signalTo(pid, 'SIGKILL');
      spawnSync('umount', ['--lazy', path]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL's processes work in their data folder. */
async function workingIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index]?.startsWith(`${folder}/`));
}
