import type { QueryClient } from '@tanstack/react-query';
import type { Live } from './live.ts';
import { SLOW, type Topic, touchedBy } from './topics.ts';

/** However much happens, what a page shows is read again at most this often. */
const EVERY_MS = 1_000;
const SLOW_EVERY_MS = 5_000;
/** Some answers change by time alone: what has waited too long by now, and a beat that is overdue. */
const BY_TIME: readonly Topic[] = ['attention', 'health'];
const BY_TIME_EVERY_MS = 30_000;

/** Has queries read again whose answer may have changed. Returns how to stop. */
export function keepFresh(queries: QueryClient, live: Live): () => void {
  const quick = makeRound(EVERY_MS, queries);
  const slow = makeRound(SLOW_EVERY_MS, queries);
  const off = live.on((events) => {
    if (events.length === 0) void queries.invalidateQueries();
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
  };
}

function makeRound(everyMs: number, queries: QueryClient) {
  const touched = new Set<Topic>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;

  const flush = () => {
    timer = undefined;
    lastAt = performance.now();
    const topics = new Set<unknown>(touched);
    touched.clear();
    void queries.invalidateQueries(
      { predicate: ({ queryKey }) => topics.has(queryKey[0]) },
      // An answer that is under way may be older than the event.
      { cancelRefetch: true },
    );
  };

  return {
    add(topic: Topic) {
      touched.add(topic);
      timer ??= setTimeout(flush, Math.max(0, lastAt + everyMs - performance.now()));
    },
    stop: () => clearTimeout(timer),
  };
}
