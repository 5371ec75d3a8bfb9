import type { Readable, Writable } from 'node:stream';
import pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { AppError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { AmbiguousCommit, type Db, getTypeParser, openDatabase } from './database.ts';
import { isUnavailable, toDatabaseError } from './sqlstate.ts';
import { untilAvailable } from './until-available.ts';

/** One connection on which whole tables are streamed. Nothing on it has a time limit: a table takes what it takes. */
export type CopyConnection = Db & {
  /** What a `copy ... to stdout` sends. The rows that it counted are known once another statement was answered. */
  copyOut(text: string): Readable & { rowCount: number };
  /** Takes what a `copy ... from stdin` reads. */
  copyIn(text: string): Writable;
  /**
   * Commits, whatever the signal says from here on. Is the answer lost, PostgreSQL is asked what became of it.
   * @throws AmbiguousCommit when it does not say; any other error: nothing was committed
   */
  commit(): Promise<void>;
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
  const query = async <Row>(text: string, values?: readonly unknown[]) => {
    try {
      const result = await client.query(text, values ? [...values] : undefined);
      return result.rows as Row[];
    } catch (error) {
      throw toDatabaseError(error);
    }
  };

  return {
    query,
    copyOut: (text) => client.query(to(text)),
    copyIn: (text) => client.query(from(text)),
    async commit() {
      const [row] = await query<{ xid: string }>('select pg_current_xact_id()::text as xid');
      signal?.removeEventListener('abort', cut);
      try {
        await query('commit');
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        const committed = await wasCommitted(url, row?.xid).catch((cause: unknown) => {
          throw new AmbiguousCommit(cause);
        });
        if (!committed) throw error;
      }
    },
    async close() {
      signal?.removeEventListener('abort', cut);
      await client.end().catch(() => undefined);
    },
  };
}

/** For a server that starts anew, and for one that has not noticed yet that the connection broke. */
const ASK_FOR_MS = 30_000;

async function wasCommitted(url: string, xid: string | undefined): Promise<boolean> {
  const log = silentLog();
  const database = openDatabase(url, { log, max: 1, queryTimeoutMs: 5_000, listenUrl: null });
  const ask = async () => {
    const [row] = await database.query<{ status: string | null }>(
      'select pg_xact_status($1::text::xid8) as status',
      [xid],
    );
    if (row?.status === 'committed') return true;
    if (row?.status === 'aborted') return false;
    throw new AppError('database_unavailable', `The transaction is ${row?.status ?? 'forgotten'}.`);
  };
  try {
    return await untilAvailable(ask, AbortSignal.timeout(ASK_FOR_MS), log);
  } finally {
    await database.close();
  }
}
