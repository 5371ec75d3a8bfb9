import pg from 'pg';
import { jittered } from '../lib/backoff.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import type { Db } from './database.ts';

/**
 * Wake-ups between the parts of a process and, by NOTIFY, between processes. They are hints: everything that
 * waits for one also polls, so a lost hint costs time and nothing else.
 */
export type Topic =
  | 'steps' // a step became ready
  | 'events' // events were written and wait for their seal
  | 'sealed' // events can be read
  | 'policy'; // a policy value changed

export type Hints = {
  /** Tells this process at once and the others within a few milliseconds. Call it after the commit. */
  tell(topic: Topic): void;
  /** Calls `listener` at each hint; returns how to stop. */
  on(topic: Topic, listener: () => void): () => void;
  /** Whether hints of other processes arrive. Without LISTEN (some poolers) they do not. */
  listening(): boolean;
  close(): Promise<void>;
};

const CHANNEL = 'opsloop';
/** A burst of commits becomes one NOTIFY: each takes a lock that all notifying commits share. */
const DEBOUNCE_MS = 5;
const PING_MS = 15_000;

export function openHints(url: string, db: Db, log: Log): Hints {
  const listeners = new Map<Topic, Set<() => void>>();
  const pending = new Set<Topic>();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let connected = false;
  let loop: Promise<void> | undefined;

  const callListeners = (topic: Topic) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };

  const flush = () => {
    timer = undefined;
    const topics = [...pending];
    pending.clear();
    db.query('select pg_notify($1, topic) from unnest($2::text[]) as topic', [CHANNEL, topics]).catch(
      (error: Error) => log.debug({ err: error.message }, 'a hint was not sent'),
    );
  };

  const listen = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'opsloop hints',
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      keepAlive: true,
    });
    const ended = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
      closing.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await client.connect();
      client.on('notification', ({ payload }) => callListeners(payload as Topic));
      await client.query(`listen ${CHANNEL}`);
      connected = true;
      // What was told while we were not listening is lost, so everybody looks once.
      for (const topic of listeners.keys()) callListeners(topic);
      while (!closing.signal.aborted) {
        const over = await Promise.race([
          ended.then(() => true),
          sleep(PING_MS, closing.signal).then(() => false),
        ]);
        if (over) return;
        await client.query('select 1');
      }
    } finally {
      connected = false;
      client.end().catch(() => undefined);
    }
  };

  const keepListening = async (): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const began = performance.now();
      await listen().catch((error: Error) => {
        if (failures === 0) log.debug({ err: error.message }, 'LISTEN is not available; polling goes on');
      });
      // One that held for a while was no failure.
      if (performance.now() - began > PING_MS) failures = 0;
      await sleep(jittered(Math.min(10_000, 250 * 2 ** Math.min(failures, 6))), closing.signal);
    }
  };

  return {
    tell(topic) {
      callListeners(topic);
      pending.add(topic);
      timer ??= setTimeout(flush, DEBOUNCE_MS);
    },
    on(topic, listener) {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(listener));
      // A program that only writes needs no connection for listening.
      loop ??= keepListening();
      return () => set.delete(listener);
    },
    listening: () => connected,
    async close() {
      closing.abort();
      clearTimeout(timer);
      await loop;
    },
  };
}
