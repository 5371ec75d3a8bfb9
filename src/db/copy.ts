import type { Readable, Writable } from 'node:stream';
import pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { type Db, getTypeParser } from './database.ts';
import { toDatabaseError } from './sqlstate.ts';

/** One connection on which whole tables are streamed. Nothing on it has a time limit: a table takes what it takes. */
export type CopyConnection = Db & {
  /** What a `copy ... to stdout` sends. The rows that it counted are known once another statement was answered. */
  copyOut(text: string): Readable & { rowCount: number };
  /** Takes what a `copy ... from stdin` reads. */
  copyIn(text: string): Writable;
  close(): Promise<void>;
};

/**
 * How values are written, whatever the server's or the database's own settings are, so that the same rows give the same
 * text everywhere; and rows come in the order in which they lie.
 */
export const SAME_TEXT = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
  set local bytea_output = 'hex'; set local extra_float_digits = 1; set local synchronize_seqscans = off`;

/** @param signal cuts the connection */
export async function openCopyConnection(url: string, signal?: AbortSignal): Promise<CopyConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'opsloop backup',
    connectionTimeoutMillis: 5_000,
    // A network that swallows everything is noticed by the system, after minutes.
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    types: { getTypeParser },
  });
  // Whoever waits for an answer is told; without a listener the process would end.
  client.on('error', () => undefined);
  const cut = () => client.connection.stream.destroy(new Error('Connection terminated: it was stopped'));
  try {
    signal?.throwIfAborted();
    await client.connect();
  } catch (error) {
    throw toDatabaseError(error);
  }
  signal?.addEventListener('abort', cut, { once: true });

  return {
    async query<Row>(text: string, values?: readonly unknown[]) {
      try {
        const result = await client.query(text, values ? [...values] : undefined);
        return result.rows as Row[];
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
    copyOut: (text) => client.query(to(text)),
    copyIn: (text) => client.query(from(text)),
    async close() {
      signal?.removeEventListener('abort', cut);
      await client.end().catch(() => undefined);
    },
  };
}
