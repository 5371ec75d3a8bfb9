/** What one client did, in the words of Jepsen. `info`: nobody knows whether it happened. */
export type Entry = {
  index: number;
  client: string;
  /** The index of its invocation: a client may have several operations under way. */
  of: number;
  type: 'invoke' | 'ok' | 'fail' | 'info';
  /** The operation: propose, approve, complete, … */
  f: string;
  value: Value;
  /** Why it failed, or is not known. */
  error?: string;
  /** Milliseconds since 1970, and nanoseconds of a clock that only goes forward. */
  wall: number;
  mono: number;
};
export type Value = Record<string, string | number | boolean | null>;

export type Outcome = 'ok' | 'fail' | 'info';
export type History = {
  entries: Entry[];
  /** @returns what to call with the outcome; the value may say more by then */
  invoke(client: string, f: string, value: Value): (type: Outcome, more?: Value, error?: string) => void;
};

export function makeHistory(): History {
  const entries: Entry[] = [];
  const start = process.hrtime.bigint();
  const add = (entry: Pick<Entry, 'client' | 'of' | 'type' | 'f' | 'value' | 'error'>) => {
    const mono = Number(process.hrtime.bigint() - start);
    entries.push({ index: entries.length, ...entry, wall: Date.now(), mono });
  };
  return {
    entries,
    invoke(client, f, value) {
      const of = entries.length;
      add({ client, of, type: 'invoke', f, value });
      return (type, more = {}, error) =>
        add({ client, of, type, f, value: { ...value, ...more }, ...(error === undefined ? {} : { error }) });
    },
  };
}

/** How often each operation ended how. */
export function countOutcomes(entries: readonly Entry[]): Map<string, Record<Outcome, number>> {
  const counts = new Map<string, Record<Outcome, number>>();
  for (const { type, f } of entries) {
    if (type === 'invoke') continue;
    const count = counts.get(f) ?? { ok: 0, fail: 0, info: 0 };
    counts.set(f, count);
    count[type]++;
  }
  return counts;
}
