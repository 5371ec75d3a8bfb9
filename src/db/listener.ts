import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { toError } from '../errors.ts';
import { makeWake } from '../lib/wake.ts';
import type { Db } from './database.ts';

/** The channel of all hints; what is notified is the topic. */
export const CHANNEL = 'opsloop';
const ARRIVES_WITHIN_MS = 5_000;

export const NOTHING_ARRIVES =
  'LISTEN is accepted and nothing arrives: a pooler stands in between, or it is another database';
export const DEAF_TODO =
  'Set OPSLOOP_LISTEN_URL to an address of the same database without a pooler, or to "none" if polling is enough.';

export function cannotListen(error: unknown): string {
  const { message, code } = toError(error) as Error & { code?: string };
  // A refused connection to a name with several addresses has a code and no message.
  return `LISTEN fails: ${message || code}`;
}

/** A connection for the hints of other processes. */
export type Listener = {
  /**
   * Notifies a channel of our own through `db`, as every process does, and says whether that arrives here. LISTEN
   * alone proves nothing: a pooler in transaction mode accepts it and never delivers.
   * @throws when it could not be sent
   */
  hears(db: Db): Promise<boolean>;
  /** Begins to hear the hints of everybody. */
  join(): Promise<void>;
  /**
   * Takes LISTEN back: through a pooler it stays behind on a connection of others, and PgBouncer logs whatever is
   * notified there. Where this reaches another connection, what stays is a channel that nobody notifies again.
   */
  forget(): Promise<void>;
  /** Aborted when the connection has ended, or was told to. */
  over: AbortSignal;
  close(): void;
};

export async function openListener(
  url: string,
  onHint: (topic: string) => void,
  signal: AbortSignal,
): Promise<Listener> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'opsloop hints',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  const ended = new AbortController();
  client.on('error', () => ended.abort());
  client.on('end', () => ended.abort());
  const over = AbortSignal.any([ended.signal, signal]);
  const close = () => void client.end().catch(() => undefined);
  over.addEventListener('abort', close, { once: true });

  const own = `${CHANNEL}_${randomBytes(8).toString('hex')}`;
  let sent = 0;
  let arrived = 0;
  let wake = makeWake();
  client.on('notification', ({ channel, payload = '' }) => {
    if (channel !== own) return onHint(payload);
    // A late one tells nothing of the one that is waited for.
    if (payload !== String(sent)) return;
    arrived = sent;
    wake.call();
  });
  try {
    await client.connect();
    await client.query(`listen ${own}`);
  } catch (error) {
    close();
    throw error;
  }

  return {
    async hears(db) {
      const number = ++sent;
      wake = makeWake();
      await db.query('select pg_notify($1, $2)', [own, String(number)], { limitMs: ARRIVES_WITHIN_MS });
      await wake.wait(ARRIVES_WITHIN_MS, over);
      return arrived === number;
    },
    async join() {
      await client.query(`listen ${CHANNEL}`);
    },
    async forget() {
      await client.query('unlisten *').catch(() => undefined);
    },
    over,
    close,
  };
}

/** Why hints of other processes do not arrive through this address, or null when they do. */
export async function whyDeaf(url: string, db: Db): Promise<string | null> {
  try {
    const listener = await openListener(url, () => undefined, new AbortController().signal);
    try {
      if (await listener.hears(db)) return null;
      await listener.forget();
      return NOTHING_ARRIVES;
    } finally {
      listener.close();
    }
  } catch (error) {
    return cannotListen(error);
  }
}
