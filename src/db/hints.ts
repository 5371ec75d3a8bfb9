import { jittered } from '../lib/backoff.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import type { Db } from './database.ts';
import { CHANNEL, cannotListen, DEAF_TODO, NOTHING_ARRIVES, openListener } from './listener.ts';
import { isUnavailable } from './sqlstate.ts';

/**
 * Wake-ups between the parts of a process and, by NOTIFY, between processes. They are hints: everything that
 * waits for one also polls, so a lost hint costs time and nothing else.
 */
export type Topic =
  | 'steps' // a step became ready
  | 'events' // events were written and wait for their seal
  | 'sealed' // events can be read
  | 'policy' // a policy value changed
  | 'schedules' // a schedule changed
  | 'webhooks'; // a webhook was made or changed, or a call is to be tried now

export type Hints = {
  /** Tells this process at once and the others within a few milliseconds. Call it after the commit. */
  tell(topic: Topic): void;
  /** Calls `listener` at each hint; returns how to stop. */
  on(topic: Topic, listener: () => void): () => void;
  /** Whether hints of other processes arrive: one that was sent to ourselves did. */
  listening(): boolean;
  /** Why they do not arrive, once that is known. */
  trouble(): string | null;
  close(): Promise<void>;
};

/** A burst of commits becomes one NOTIFY: each takes a lock that all notifying commits share. */
const DEBOUNCE_MS = 5;
const TEST_EVERY_MS = 15_000;
const LONGEST_PAUSE_MS = 10_000;
/** A pooler stays what it is. */
const LONGEST_DEAF_PAUSE_MS = 60_000;

/** @param url where to listen; null for nowhere */
export function openHints(url: string | null, db: Db, log: Log): Hints {
  const listeners = new Map<Topic, Set<() => void>>();
  const pending = new Set<Topic>();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let heard = false;
  let trouble: string | null = null;
  let loop: Promise<void> | undefined;

  const callListeners = (topic: Topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };

  /** One at a time: on a slow database hints must not take the connections that work needs. */
  const flush = async (): Promise<void> => {
    const topics = [...pending];
    pending.clear();
    await db
      .query('select pg_notify($1, topic) from unnest($2::text[]) as topic', [CHANNEL, topics])
      .catch((error: Error) => log.debug({ err: error.message }, 'a hint was not sent'));
    timer = undefined;
    if (pending.size > 0 && !closing.signal.aborted) startFlush();
  };
  const startFlush = () => {
    timer ??= setTimeout(() => void flush(), DEBOUNCE_MS);
  };

  /** Listens until the connection ends, or what is sent to ourselves does not arrive. */
  const listen = async (at: string): Promise<void> => {
    const listener = await openListener(at, (topic) => callListeners(topic as Topic), closing.signal);
    try {
      while (!listener.over.aborted) {
        const hears = await listener.hears(db).catch((error: unknown) => {
          // A pool that is busy or away says nothing about a connection on which we were heard before.
          if (heard) return true;
          throw error;
        });
        if (listener.over.aborted) return;
        if (!hears) {
          if (!heard) note(NOTHING_ARRIVES, false);
          return await listener.forget();
        }
        if (!heard) {
          await listener.join();
          heard = true;
          trouble = null;
          // What was told while we were not listening is lost, so everybody looks once.
          for (const topic of listeners.keys()) callListeners(topic);
        }
        await sleep(TEST_EVERY_MS, listener.over);
      }
    } finally {
      heard = false;
      listener.close();
    }
  };

  /** Says it once; a database that is away is told of elsewhere. */
  const note = (why: string, away: boolean) => {
    const told = trouble !== null;
    trouble = why;
    if (!told && !away)
      log.warn({ why }, `hints of other processes do not arrive; polling goes on. ${DEAF_TODO}`);
  };

  const keepListening = async (at: string): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const began = performance.now();
      await listen(at).catch((error: unknown) => note(cannotListen(error), isUnavailable(error)));
      // One that held for a while was no failure.
      if (performance.now() - began > TEST_EVERY_MS) failures = 0;
      const longest = trouble === NOTHING_ARRIVES ? LONGEST_DEAF_PAUSE_MS : LONGEST_PAUSE_MS;
      await sleep(jittered(Math.min(longest, 250 * 2 ** Math.min(failures, 10))), closing.signal);
    }
  };

  return {
    tell(topic) {
      callListeners(topic);
      pending.add(topic);
      startFlush();
    },
    on(topic, listener) {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(listener));
      // A program that only writes needs no connection for listening.
      if (url !== null) loop ??= keepListening(url);
      return () => set.delete(listener);
    },
    listening: () => heard,
    trouble: () => trouble,
    async close() {
      closing.abort();
      clearTimeout(timer);
      await loop;
    },
  };
}
