/** Counts by token buckets, one per name. Full buckets are forgotten, and there are never more than `most`. */
export type Buckets = {
  /** Takes one token. Returns 0, or the seconds until there is one. */
  take(name: string): number;
  /** Seconds until there is a token, 0 when there is one; takes none. */
  wait(name: string): number;
  size(): number;
};

type Bucket = { tokens: number; at: number };

export function makeBuckets(options: {
  perMinute: number;
  most?: number;
  /** Milliseconds that only grow. */
  now?: () => number;
}): Buckets {
  const { perMinute, most = 10_000, now = () => performance.now() } = options;
  const perMs = perMinute / 60_000;
  const buckets = new Map<string, Bucket>();

  const refilled = (name: string): Bucket => {
    const at = now();
    const known = buckets.get(name);
    if (!known) return { tokens: perMinute, at };
    return { tokens: Math.min(perMinute, known.tokens + (at - known.at) * perMs), at };
  };
  const waitOf = ({ tokens }: Bucket) =>
    tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / perMs / 1000));

  const keep = (name: string, bucket: Bucket) => {
    // Put back at the end, so that the first one is the one used longest ago.
    buckets.delete(name);
    buckets.set(name, bucket);
    for (const [oldest, { tokens, at }] of buckets) {
      const isFull = tokens + (bucket.at - at) * perMs >= perMinute;
      if (!isFull && buckets.size <= most) break;
      buckets.delete(oldest);
    }
  };

  return {
    take(name) {
      const bucket = refilled(name);
      const seconds = waitOf(bucket);
      if (seconds === 0) bucket.tokens -= 1;
      keep(name, bucket);
      return seconds;
    },
    wait: (name) => waitOf(refilled(name)),
    size: () => buckets.size,
  };
}
