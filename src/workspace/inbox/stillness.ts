import { isSame, type Signature } from '../disk/read-whole.ts';
import type { Arrivals } from './arrivals.ts';

/** A file that may still be written is left alone until it has stood still for this long. */
export const STILL_MS = 1_000;

/**
 * Whether a file is whole: renamed into place, or unchanged between two looks a second apart by our own clock
 * (the file system's can be another machine's). A writer that pauses longer is not noticed; it should rename.
 */
export type Stillness = {
  /** Milliseconds until it can be said to be whole; 0 when it can now. */
  missingMs(name: string, signature: Signature): number;
  /** Whether it is said to be whole by its coming alone, and that can still be shown to be wrong. */
  cameWhole(name: string, signature: Signature): boolean;
  forget(name: string): void;
  forgetAllBut(names: ReadonlySet<string>): void;
};

export function makeStillness(arrivals: Arrivals): Stillness {
  const looks = new Map<string, { signature: Signature; since: number }>();
  return {
    missingMs(name, signature) {
      const now = performance.now();
      const look = looks.get(name);
      const same = look !== undefined && isSame(look.signature, signature);
      if (!same) looks.set(name, { signature, since: now });
      // Empty at first, or another one than at an earlier look: it is written here.
      if (signature.size === 0 || (look && !same)) arrivals.spoil(name);
      if (signature.size > 0) {
        const moved = arrivals.movedIn(name);
        if (moved === true) return 0;
        if (moved === undefined) return 10;
      }
      return same ? Math.max(0, STILL_MS - (now - look.since)) : STILL_MS;
    },
    cameWhole(name, signature) {
      const look = looks.get(name);
      const stood = look && isSame(look.signature, signature) && performance.now() - look.since >= STILL_MS;
      return !stood;
    },
    forget(name) {
      looks.delete(name);
      arrivals.forget(name);
    },
    forgetAllBut(names) {
      for (const name of looks.keys()) if (!names.has(name)) looks.delete(name);
    },
  };
}
