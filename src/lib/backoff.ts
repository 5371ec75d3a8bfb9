/** Delays of the retries, in milliseconds. */
export type Backoff = { firstMs: number; maxMs: number };

/** Doubles from the first delay to the longest one. `failures` counts from 1. */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff): number {
  return Math.min(maxMs, firstMs * 2 ** Math.max(0, Math.min(failures - 1, 40)));
}

/** Spreads a delay over [0.8, 1.2) of itself, so that what failed together does not come back together. */
export function jittered(ms: number, random: () => number = Math.random): number {
  return Math.round(ms * (0.8 + random() * 0.4));
}
