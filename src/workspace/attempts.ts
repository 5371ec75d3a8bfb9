import { isUnavailable } from '../db/sqlstate.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import { isDiskError, unavailable } from './disk/folders.ts';
import { OwnershipLost } from './schema.ts';

const AGAIN_MS = 10_000;
const LAPSES_MS = 30_000;

/**
 * One file's trouble is that file's alone: it is told once, left for ten seconds, and the others go on. What
 * concerns all files (the database is away, the workspace is somebody else's) is thrown on.
 */
export type Attempts = {
  /** Those that are not tried now. */
  waiting(): string[];
  run(id: string, work: () => Promise<void>): Promise<void>;
  /** What stands in the way of the first file that waits; null when none does. */
  problem(): string | null;
};

export function makeAttempts(log: Log): Attempts {
  const failing = new Map<string, { again: number; problem: string }>();
  return {
    waiting() {
      const now = performance.now();
      // One that nobody tries again has ended in another way.
      for (const [id, { again }] of failing) if (again + LAPSES_MS < now) failing.delete(id);
      return [...failing].filter(([, { again }]) => again > now).map(([id]) => id);
    },
    async run(id, work) {
      if ((failing.get(id)?.again ?? 0) > performance.now()) return;
      try {
        await work();
        failing.delete(id);
      } catch (thrown) {
        const error = toError(thrown);
        if (error instanceof OwnershipLost || (isUnavailable(error) && !isDiskError(error))) throw error;
        const problem = isDiskError(error)
          ? unavailable((error as Error & { path: string }).path, error).message
          : `A file waits: ${error.message}`;
        if (!failing.has(id)) log.warn({ file: id }, problem);
        failing.set(id, { again: performance.now() + AGAIN_MS, problem });
      }
    },
    problem() {
      const now = performance.now();
      return [...failing.values()].find(({ again }) => again + LAPSES_MS >= now)?.problem ?? null;
    },
  };
}
