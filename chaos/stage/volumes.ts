import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A folder with an end. */
export type Volume = {
  path: string;
  /** Null: it is an ordinary folder, because this machine lets us mount nothing. */
  megabytes: number | null;
  /** Leaves no byte free. @throws Error when the volume has no end of its own */
  fill(): void;
  free(): void;
};

const BALLAST = 'ballast';

/** A small tmpfs where we may mount one. @param remember is told of the mount before it is made */
export function makeVolume(path: string, megabytes: number, remember: (mount: string) => void): Volume {
  mkdirSync(path);
  let mounted: number | null = megabytes;
  try {
    remember(path);
    const options = `size=${megabytes}m,mode=0755`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'opsloop-chaos', path], { stdio: 'ignore' });
  } catch {
    mounted = null;
  }
  return {
    path,
    megabytes: mounted,
    fill() {
      if (mounted === null)
        throw new Error(
          `nothing can be mounted here, so no disk can be full; be root, or say --without disk-full`,
        );
      const file = openSync(join(path, BALLAST), 'a');
      try {
        for (const size of [1_048_576, 4_096, 1]) writeUntilFull(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(join(path, BALLAST), { force: true }),
  };
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    for (;;) if (writeSync(file, block) < block.length) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
