import { AppError, messagesOf } from 'opsloop/client';
import { api, client, read } from './client.ts';
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
  /** The key may not follow the log; asking again would not help. */
  | { is: 'refused'; why: string }
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
/** After more than this it is cheaper to read anew what is shown. */
const MOST_MISSED = 2_000;

export function makeLive(): Live {
  const state = makeStore<LiveState>({ is: 'connecting' });
  const listeners = new Set<(events: readonly Event[]) => void>();
  let running: AbortController | undefined;
  let last = 0;
  let begunBefore = false;
  /** Something may have been missed that no event will tell: a failed read, or a place in the log that is gone. */
  let missed = false;

  const tell = (events: readonly Event[]) => {
    for (const listener of listeners) listener(events);
  };

  /** Where the log ends, after a time without it: it may be another log by now, or very far. */
  const catchUp = async (signal: AbortSignal): Promise<void> => {
    const { seq } = await read(api.session.$get({}, { init: { signal } }));
    if (seq >= last && seq - last <= MOST_MISSED) return;
    last = seq;
    missed = true;
  };

  /** Reads until the connection ends. Events that arrive together are told together. */
  const readOnce = async (signal: AbortSignal, onFirst: () => void): Promise<void> => {
    const silence = new AbortController();
    const giveUp = AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    let waiting: Event[] = [];
    const flush = () => {
      const batch = waiting;
      waiting = [];
      tell(batch);
    };
    try {
      if (begunBefore) await catchUp(giveUp);
      begunBefore = true;
      const response = await client.fetch(`/api/ops/events/stream?after=${last}`, {
        headers: { accept: 'text/event-stream' },
        signal: giveUp,
      });
      onFirst();
      for await (const message of messagesOf(response)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        if (message.id !== undefined) last = Number(message.id);
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
          state.set({ is: 'live' });
          failures = 0;
          if (missed) tell([]);
          missed = false;
        });
      } catch (error) {
        if (error instanceof AppError && error.status === 403)
          return state.set({ is: 'refused', why: error.message });
        if (error instanceof AppError) why = error.message;
      }
      missed = true;
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
  const hide = () => {
    end();
    state.set({ is: 'hidden' });
  };
  const onVisibility = () => {
    clearTimeout(hiding);
    if (document.visibilityState === 'visible') return begin();
    // A page that was opened in the background has nothing to let go of.
    if (running) hiding = setTimeout(hide, HIDDEN_MS);
    else hide();
  };

  return {
    state,
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start(seq) {
      last = seq;
      document.addEventListener('visibilitychange', onVisibility);
      onVisibility();
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
