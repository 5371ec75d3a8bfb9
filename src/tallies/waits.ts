/** Element n counts waits of 2^(n/4) to 2^((n+1)/4) ms, so that a middle is at most a tenth wrong. */
const PARTS = 4;

/** Adds up counts of waits. */
export function addWaits(all: readonly number[][]): number[] {
  const sum: number[] = [];
  for (const waits of all) for (const [n, count] of waits.entries()) sum[n] = (sum[n] ?? 0) + count;
  return sum;
}

/** The wait, in whole milliseconds, that the given share of the steps did not exceed; null when there were none. */
export function percentile(waits: readonly number[], share: number): number | null {
  const total = waits.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  let n = 0;
  while (n < waits.length - 1 && left > (waits[n] ?? 0)) left -= waits[n++] ?? 0;
  return Math.round(2 ** ((n + left / (waits[n] || 1)) / PARTS));
}
