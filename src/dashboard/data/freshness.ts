import type { QueryClient } from '@tanstack/react-query';
import type { Live } from './live.ts';
import { SLOW, type Topic, touchedBy } from './topics.ts';

/** However much happens, what a page shows is read again at most this often. */
const EVERY_MS = 1_000;
const SLOW_EVERY_MS = 5_000;
/** Some answers change without an event: what has waited too long by now, a beat that is overdue, files of a folder. */
const BY_TIME: readonly Topic[] = ['attention', 'health', 'files'];
const BY_TIME_EVERY_MS = 30_000;

/** Has queries read again whose answer may have changed. Returns how to stop. */
export function keepFresh(queries: QueryClient, live: Live): () => void {
  const late = makeLateReader(queries);
  const quick = makeRound(EVERY_MS, late.readAgain);
  const slow = makeRound(SLOW_EVERY_MS, late.readAgain);
  const off = live.on((events) => {
    if (events.length === 0) late.readAgain(null);
    for (const topic of new Set(events.flatMap(touchedBy))) (SLOW.has(topic) ? slow : quick).add(topic);
  });
  const byTime = setInterval(() => {
    if (live.state.get().is !== 'live') return;
    for (const topic of BY_TIME) slow.add(topic);
  }, BY_TIME_EVERY_MS);
  return () => {
    clearInterval(byTime);
    off();
    quick.stop();
    slow.stop();
    late.stop();
  };
}

/**
 * Reads queries again. One that is being read just now may get an answer that is older than the event: it is let
 * finish, and read once more.
 */
function makeLateReader(queries: QueryClient) {
  const cache = queries.getQueryCache();
  const again = new Set<string>();
  const invalidate = (queryKey: readonly unknown[]) =>
    void queries.invalidateQueries({ queryKey, exact: true }, { cancelRefetch: false });

  const stop = cache.subscribe(({ type, query }) => {
    if (type !== 'updated' || query.state.fetchStatus !== 'idle' || !again.delete(query.queryHash)) return;
    // Not in the middle of the cache's own news.
    queueMicrotask(() => invalidate(query.queryKey));
  });

  return {
    /** @param topics null for all of them */
    readAgain(topics: ReadonlySet<unknown> | null) {
      for (const query of cache.findAll({ predicate: ({ queryKey }) => topics?.has(queryKey[0]) ?? true })) {
        if (query.state.fetchStatus === 'idle') invalidate(query.queryKey);
        else again.add(query.queryHash);
      }
    },
    stop,
  };
}

function makeRound(everyMs: number, readAgain: (topics: ReadonlySet<unknown>) => void) {
  const touched = new Set<Topic>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;

  const flush = () => {
    timer = undefined;
    lastAt = performance.now();
    const topics = new Set(touched);
    touched.clear();
    readAgain(topics);
  };

  return {
    add(topic: Topic) {
      touched.add(topic);
      timer ??= setTimeout(flush, Math.max(0, lastAt + everyMs - performance.now()));
    },
    stop: () => clearTimeout(timer),
  };
}
