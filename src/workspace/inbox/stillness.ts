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
      if (signature.size > 0) {
        const moved = arrivals.movedIn(name);
        // Changed since an earlier look: it is being written, however its name appeared.
        if (moved === true && (same || look === undefined)) return 0;
        if (moved === undefined) return 10;
      }
      return same ? Math.max(0, STILL_MS - (now - look.since)) : STILL_MS;
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
