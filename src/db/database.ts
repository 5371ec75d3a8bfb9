import pg from 'pg';
import { AppError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { type Hints, openHints } from './hints.ts';
import { isRetryable, isUnavailable, toDatabaseError } from './sqlstate.ts';
import { makeStatementNames } from './statement-names.ts';

export type QueryOptions = {
  /** Makes it a prepared statement. */
  name?: string;
  /** Milliseconds after which the client gives it up; the pool's own limit unless given. */
  limitMs?: number;
};

/** Runs one statement and returns its rows. A text as the last argument is the name of a prepared statement. */
export interface Db {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    options?: string | QueryOptions,
  ): Promise<Row[]>;
}

export interface Database extends Db {
  readonly url: string;
  /** Wake-ups for whoever waits for a change. */
  readonly hints: Hints;
  /**
   * Runs `work` in one transaction at READ COMMITTED. Serialization failures and deadlocks run it again, and so
   * does a pooler that lost a prepared statement, so `work` must have no effect outside the database
   * but one that may be there twice, or without the rest.
   * @param opening a statement without parameters that is sent with BEGIN, so that it costs no round trip
   * @throws AmbiguousCommit when the connection broke while COMMIT was under way.
   */
  transaction<T>(work: (tx: Db) => Promise<T>, opening?: string): Promise<T>;
  /** Runs `work` in one transaction that only reads and sees the database as it is at one moment. */
  snapshot<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** How many connections are in use and how many callers wait for one. */
  load(): { open: number; idle: number; waiting: number };
  close(): Promise<void>;
  /** Cuts all connections now: for an end that a silent network must not hold up. */
  sever(): void;
}

export type DatabaseOptions = {
  log: Log;
  /** Most connections of this process. */
  max?: number;
  applicationName?: string;
  /** Milliseconds after which the client gives a statement up, even when the network is silent. */
  queryTimeoutMs?: number;
  /** Off for poolers that do not keep prepared statements; one that shows it turns them off by itself. */
  preparedStatements?: boolean;
  /** Where hints of other processes are listened for: another address of the same database, or null for nowhere. */
  listenUrl?: string | null | undefined;
};

/** The connection broke while COMMIT was under way: it may or may not have happened. */
export class AmbiguousCommit extends AppError {
  constructor(cause: unknown, message = 'The connection broke during COMMIT; look before trying again.') {
    super('database_unavailable', message, { retryAfter: 2, cause });
  }
}

const MOST_TRIES = 6;

/**
 * A process that freezes in the middle of a transaction must not hold its locks over everybody else, and a row
 * that somebody holds must not hold up who waits for it without end. Local to the transaction, for poolers.
 */
const LIMITS = `select set_config('idle_in_transaction_session_timeout', '10s', true), set_config('lock_timeout', '5s', true),
         set_config('statement_timeout', '25s', true)`;

export function openDatabase(url: string, options: DatabaseOptions): Database {
  const {
    log,
    max = 16,
    applicationName = 'opsloop',
    queryTimeoutMs = 30_000,
    preparedStatements = true,
    listenUrl = url,
  } = options;
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    query_timeout: queryTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types: { getTypeParser },
  });
  // Without a listener an idle connection's end would end the process.
  pool.on('error', (error) => log.debug({ err: error.message }, 'an idle connection ended'));

  const names = makeStatementNames(preparedStatements, log);
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => void clients.add(client));
  pool.on('remove', (client) => void clients.delete(client));
  let severed = false;

  const run = async <Row>(
    runner: pg.Pool | pg.PoolClient,
    text: string,
    values: readonly unknown[] | undefined,
    options: string | QueryOptions = {},
  ) => {
    const { name, limitMs } = typeof options === 'string' ? { name: options } : options;
    const config: pg.QueryConfig & { query_timeout?: number } = {
      text,
      ...(values ? { values: [...values] } : {}),
    };
    const statement = name === undefined ? undefined : names.of(name, text);
    if (statement !== undefined) config.name = statement;
    if (limitMs !== undefined) config.query_timeout = limitMs;
    try {
      if (severed) throw new Error('Connection terminated: the program ends');
      const result = await runner.query(config);
      return result.rows as Row[];
    } catch (error) {
      names.look(error);
      throw toDatabaseError(error);
    }
  };

  /** A statement of its own was rolled back by a deadlock as a whole, or not begun, so it can be run again. */
  const runAlone: Db['query'] = async (text, values, options) => {
    for (let tries = 1; ; tries++) {
      try {
        return await run(pool, text, values, options);
      } catch (error) {
        if (!isRetryable(error) || tries >= MOST_TRIES) throw error;
        await sleep(jittered(2 ** tries * 5));
      }
    }
  };

  const attempt = async <T>(work: (tx: Db) => Promise<T>, begin: string): Promise<T> => {
    const client = await pool.connect().catch((error: unknown) => {
      throw toDatabaseError(error);
    });
    let broken: Error | undefined;
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    const tx: Db = { query: (text, values, options) => run(client, text, values, options) };
    try {
      await tx.query(begin);
      const result = await work(tx);
      await tx.query('commit').catch((error: unknown) => {
        throw isUnavailable(error) ? new AmbiguousCommit(error) : error;
      });
      return result;
    } catch (error) {
      if (isUnavailable(error)) broken ??= error as Error;
      else
        await tx.query('rollback').catch((failure: unknown) => {
          broken ??= failure as Error;
        });
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken ?? false);
    }
  };

  const retried = async <T>(work: (tx: Db) => Promise<T>, begin: string): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(work, begin);
      } catch (error) {
        if (!isRetryable(error) || tries >= MOST_TRIES) throw error;
        await sleep(jittered(2 ** tries * 5));
      }
    }
  };

  const db: Db = { query: runAlone };
  const hints = openHints(listenUrl, db, log);

  return {
    ...db,
    url,
    hints,
    transaction: (work, opening = '') => retried(work, `begin; ${LIMITS}; ${opening}`),
    snapshot: (work) => retried(work, `begin isolation level repeatable read read only; ${LIMITS}`),
    load: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      await hints.close();
      await pool.end();
    },
    sever() {
      severed = true;
      for (const client of clients) client.connection.stream.destroy();
    },
  };
}

/** bigint as a number where it fits (ids and counts do), dates as written: "2026-11-22". */
export const getTypeParser: pg.CustomTypesConfig['getTypeParser'] = (oid, format) => {
  if (oid === pg.types.builtins.INT8) return parseBigint;
  if (oid === pg.types.builtins.DATE) return (text: string) => text;
  return pg.types.getTypeParser(oid, format);
};

function parseBigint(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`bigint ${text} does not fit a number`);
  return number;
}
