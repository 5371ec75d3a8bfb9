import { sleep } from '../../src/lib/wake.ts';

export { sleep };

/** Asks every 100 ms until there is an answer; null when there is none in time, or the signal aborts. */
export async function until<T>(
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<T | null> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await Promise.resolve()
      .then(look)
      .catch(() => null);
    if (found) return found;
    if (performance.now() > end || signal?.aborted) return null;
    await sleep(100, signal);
  }
}
