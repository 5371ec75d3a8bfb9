import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The clocks of one program, by libfaketime. */
export type Clock = {
  /** What the program has to be started with; nothing where there is no libfaketime. */
  env: Record<string, string>;
  /** Puts the clock ahead by so many seconds, and makes it run so many times as fast. */
  set(aheadSeconds: number, speed?: number): void;
  /** Back to the right time, where that is possible: the clock of timers goes back on no machine. */
  right(): void;
  /** What its clocks show by its own account, in milliseconds; null when it has not said. */
  shows(): { pid: number; wall: number; mono: number } | null;
};

/** Seconds that a fast clock can gain before it is heard of again. */
const BETWEEN_TWO_TELLINGS = 3;

/** @param monotonic whether the clock that timers use is faked, too */
export function makeClock(folder: string, name: string, monotonic: boolean): Clock {
  const library = findLibrary();
  const offsetFile = join(folder, `${name}.clock`);
  const toldFile = join(folder, `${name}.time`);
  const shows: Clock['shows'] = () =>
    existsSync(toldFile) ? JSON.parse(readFileSync(toldFile, 'utf8')) : null;
  const set = (aheadSeconds: number, speed = 1) => {
    // Replaced at once: half an offset would be another one.
    writeFileSync(`${offsetFile}.new`, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds} x${speed}\n`);
    renameSync(`${offsetFile}.new`, offsetFile);
  };
  set(0);
  return {
    set,
    right() {
      const ahead = ((shows()?.wall ?? Date.now()) - Date.now()) / 1_000;
      set(monotonic ? Math.max(0, Math.ceil(ahead + BETWEEN_TWO_TELLINGS)) : 0);
    },
    shows,
    env:
      library === null
        ? {}
        : {
            LD_PRELOAD: library,
            FAKETIME_TIMESTAMP_FILE: offsetFile,
            FAKETIME_NO_CACHE: '1',
            ...(monotonic ? {} : { FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }),
            NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'tell-time.mjs')).href}`,
            OPSLOOP_CHAOS_TELLS: toldFile,
          },
  };
}

/** Where Debian puts it. */
export function findLibrary(): string | null {
  const libraries = '/usr/lib';
  const found = readdirSync(libraries)
    .map((folder) => join(libraries, folder, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
  return found ?? null;
}
