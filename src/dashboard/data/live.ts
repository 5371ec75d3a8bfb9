import { AppError, messagesOf } from 'opsloop/client';
import { client } from './client.ts';
import { makeStore } from './store.ts';
import type { Event } from './types.ts';

/**
 * The one connection of a page: the stream of events, which says what has changed. It goes on after the last event
 * it saw, so nothing is missed by a sleeping laptop, a restarted server or a lost network. A hidden page lets it go.
 */
export type LiveState =
  | { is: 'connecting' }
  | { is: 'live' }
  | { is: 'stale'; since: number; why: string }
  | { is: 'hidden' };

export type Live = {
  state: ReturnType<typeof makeStore<LiveState>>;
  /** Calls with each batch of events, in their order; with none when the page may have missed something else. */
  on(listener: (events: readonly Event[]) => void): () => void;
  /** @param seq the place in the log that what the page shows is not older than */
  start(seq: number): void;
  stop(): void;
};

/** The server sends something every 15 s; a connection that is silent for longer has died without a word. */
const SILENCE_MS = 25_000;
const HIDDEN_MS = 5_000;
const LONGEST_PAUSE_MS = 10_000;

export function makeLive(): Live {
  const state = makeStore<LiveState>({ is: 'connecting' });
  const listeners = new Set<(events: readonly Event[]) => void>();
  let running: AbortController | undefined;
  let last = '0';

  const tell = (events: readonly Event[]) => {
    for (const listener of listeners) listener(events);
  };

  /** Reads until the connection ends. Events that arrive together are told together. */
  const readOnce = async (signal: AbortSignal, onFirst: () => void): Promise<void> => {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    let waiting: Event[] = [];
    const flush = () => {
      const batch = waiting;
      waiting = [];
      tell(batch);
    };
    try {
      const response = await client.fetch(`/api/ops/events/stream?after=${last}`, {
        headers: { accept: 'text/event-stream' },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      onFirst();
      for await (const message of messagesOf(response)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        if (message.id !== undefined) last = message.id;
        if (message.event !== 'event' || message.data === '') continue;
        if (waiting.length === 0) setTimeout(flush);
        waiting.push(JSON.parse(message.data) as Event);
      }
    } finally {
      clearTimeout(timer);
    }
  };

  const keepReading = async (signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted; failures++) {
      let why = 'The connection was lost.';
      try {
        await readOnce(signal, () => {
          // What failed while the server was away is asked for again.
          if (state.get().is === 'stale') tell([]);
          state.set({ is: 'live' });
          failures = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof AppError) {
          why = error.message;
          // The log is another one, or begins anew: there is nothing to go on after.
          if (error.code === 'invalid_cursor') last = '0';
        }
      }
      if (signal.aborted) return;
      const before = state.get();
      state.set({ is: 'stale', since: before.is === 'stale' ? before.since : Date.now(), why });
      await pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures) * (0.75 + Math.random() / 2), signal);
    }
  };

  const begin = () => {
    if (running) return;
    running = new AbortController();
    void keepReading(running.signal);
  };
  const end = () => {
    running?.abort();
    running = undefined;
  };

  let hiding: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = () => {
    clearTimeout(hiding);
    if (document.visibilityState === 'visible') return begin();
    hiding = setTimeout(() => {
      end();
      state.set({ is: 'hidden' });
    }, HIDDEN_MS);
  };

  return {
    state,
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start(seq) {
      last = String(seq);
      document.addEventListener('visibilitychange', onVisibility);
      begin();
    },
    stop() {
      clearTimeout(hiding);
      document.removeEventListener('visibilitychange', onVisibility);
      end();
    },
  };
}

/** Waits, and less when the network comes back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
