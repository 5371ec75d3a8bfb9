import { makeStore } from '../../data/store.ts';
import type { Event } from '../../data/types.ts';

/** Most rows that are kept, shown and waiting each. What is older is read again when somebody asks. */
const MOST_ROWS = 20_000;
const DRAW_EVERY_MS = 100;

export type EventPage = { events: readonly Event[]; next: string | null };

export type TailState = {
  /** The newest first. */
  rows: readonly Event[];
  /** How many came since it is held. */
  waiting: number;
  /** The rows do not reach to the newest: what waits cannot be put before them. */
  detached: boolean;
  /** Where older ones go on; null: there are none. */
  next: string | null;
  reading: 'newest' | 'older' | null;
  error: unknown;
  /** Goes up when the rows are no longer those from before. */
  generation: number;
};

type Options = {
  read: (cursor: string | undefined) => Promise<EventPage>;
  matches: (event: Event) => boolean;
  most?: number;
};

export type Tail = ReturnType<typeof makeTail>;

/**
 * The end of the log as it grows. The newest page is read, and what the stream tells from then on is joined to it by
 * `seq`: nothing is missing between them, and nothing is there twice.
 */
export function makeTail({ read, matches, most = MOST_ROWS }: Options) {
  let rows: readonly Event[] = [];
  let next: string | null = null;
  let newest = 0;
  /** What waits, the oldest first; null when it cannot be joined to the rows and is only counted. */
  let held: Event[] | null = [];
  let waiting = 0;
  let isHeld = false;
  /** What came while the newest page is being read. */
  let since: Event[] | null = null;
  let told = 0;
  let run = 0;
  let reading: TailState['reading'] = null;
  let error: unknown = null;
  let generation = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const snapshot = (): TailState => ({
    rows,
    waiting,
    detached: held === null,
    next,
    reading,
    error,
    generation,
  });
  const state = makeStore(snapshot());
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    state.set(snapshot());
  };
  const drawSoon = () => {
    timer ??= setTimeout(draw, DRAW_EVERY_MS);
  };

  const put = (events: readonly Event[]) => {
    rows = [...events.filter(({ seq }) => seq > newest).toReversed(), ...rows];
    newest = rows[0]?.seq ?? newest;
  };

  /** Reads the newest page. What is shown stays until it is there. */
  const begin = async () => {
    const mine = ++run;
    since = [];
    reading = 'newest';
    error = null;
    draw();
    try {
      const page = await read(undefined);
      if (mine !== run) return;
      rows = page.events;
      newest = rows[0]?.seq ?? 0;
      next = page.next;
      put(since);
      held = [];
      waiting = 0;
      generation++;
    } catch (thrown) {
      if (mine !== run) return;
      error = thrown;
      waiting += since.length;
      held = null;
    }
    since = null;
    reading = null;
    draw();
  };

  const wait = (events: readonly Event[]) => {
    waiting += events.length;
    if (held !== null && held.length + events.length > most) held = null;
    held?.push(...events);
  };

  const join = (events: readonly Event[]) => {
    if (events.length === 0) return;
    if (since !== null) since.push(...events);
    else if (isHeld || held === null) wait(events);
    else put(events);
    if (rows.length > most && since === null) void begin();
    else drawSoon();
  };

  const take = (events: readonly Event[]) => {
    const [first] = events;
    // The connection is back: what failed without it is tried again.
    if (!first) {
      if (error !== null) void begin();
      return;
    }
    const isAnotherLog = first.seq <= told;
    told = events.at(-1)?.seq ?? first.seq;
    if (isAnotherLog) void begin();
    else join(events.filter(matches));
  };

  const flush = () => {
    put(held ?? []);
    held = [];
    waiting = 0;
    if (rows.length > most) void begin();
    else draw();
  };

  return {
    state,
    /** Follows the log. Returns how to stop. */
    start(live: { on(listener: (events: readonly Event[]) => void): () => void }) {
      told = 0;
      const off = live.on(take);
      void begin();
      return () => {
        off();
        run++;
        clearTimeout(timer);
        timer = undefined;
      };
    },
    /** While it is held, what comes waits. */
    hold(wanted: boolean) {
      isHeld = wanted;
      if (!wanted && waiting > 0 && held !== null && since === null) flush();
    },
    /** Shows everything that waits, from the newest on. */
    resume() {
      isHeld = false;
      if (held === null) void begin();
      else if (since === null) flush();
    },
    async readOlder() {
      if (next === null || reading !== null) return;
      const mine = run;
      reading = 'older';
      error = null;
      draw();
      try {
        const page = await read(next);
        if (mine !== run) return;
        const lowest = rows.at(-1)?.seq ?? Number.POSITIVE_INFINITY;
        const older = page.events.filter(({ seq }) => seq < lowest);
        if (rows.length + older.length > most) {
          // The newer ones are let go; they are read again by going back to the newest.
          rows = older;
          held = null;
          generation++;
        } else rows = [...rows, ...older];
        next = page.next;
      } catch (thrown) {
        if (mine !== run) return;
        error = thrown;
      }
      reading = null;
      draw();
    },
  };
}
