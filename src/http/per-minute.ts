/** So many lines a minute at most: a flood of requests must not fill a disk with logs. */
export type PerMinute = {
  /** How many were kept back since the last one that was let through; null: this one is kept back, too. */
  next(): number | null;
};

/** @param now milliseconds that only grow */
export function makePerMinute(most: number, now: () => number = () => performance.now()): PerMinute {
  let minute = 0;
  let count = 0;
  let suppressed = 0;
  return {
    next() {
      const current = Math.floor(now() / 60_000);
      if (current !== minute) [minute, count] = [current, 0];
      if (++count > most) {
        suppressed++;
        return null;
      }
      const before = suppressed;
      suppressed = 0;
      return before;
    },
  };
}
