import { AppError, toError } from '../errors.ts';

type PgError = Error & { code?: string; constraint?: string };

const RETRYABLE = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
]);

const NAME_LOST = new Set([
  '26000', // invalid_sql_statement_name: it was prepared on another connection
  '42P05', // duplicate_prepared_statement: somebody else prepared it on this one
]);

/** A write is refused until there is room again, and what was to be written waits for it. */
const DISK_FULL = '53100';

const UNAVAILABLE_STATES = new Set([
  DISK_FULL,
  '25006', // read_only_sql_transaction: a standby, in the middle of a failover
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout: we were frozen for long
]);

const PROTOCOL_VIOLATION = '08P01';

const UNAVAILABLE_SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

// What the driver says when the connection or its own time limit ends; it gives these no code.
const UNAVAILABLE_MESSAGE =
  /connection terminated|timeout expired|query read timeout|timeout exceeded when trying to connect|connection ended|not queryable/i;

/** The connection or the machine, not the statement, is what failed. */
export function isUnavailable(thrown: unknown): boolean {
  if (thrown instanceof AppError) return thrown.code === 'database_unavailable';
  const { code = '', message } = toError(thrown) as PgError;
  return (
    UNAVAILABLE_STATES.has(code) ||
    UNAVAILABLE_SYSTEM.has(code) ||
    code.startsWith('08') || // connection_exception
    UNAVAILABLE_MESSAGE.test(message)
  );
}

const BUSY = new Set([
  '55P03', // lock_not_available
  '57014', // query_canceled: by statement_timeout
]);

/** Nothing is broken: somebody else holds what the statement needs, and it can be tried again later. */
export function isBusy(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'database_busy';
}

/** The transaction as a whole can simply be run again. */
export function isRetryable(thrown: unknown): boolean {
  return isNameLost(thrown) || (thrown instanceof Error && RETRYABLE.has((thrown as PgError).code ?? ''));
}

/** A prepared statement is not where its name was given: a pooler changed the connection. Nothing was run. */
export function isNameLost(thrown: unknown): boolean {
  return thrown instanceof Error && NAME_LOST.has((thrown as PgError).code ?? '');
}

/** The name of the constraint that was broken, or null. */
export function brokenConstraint(thrown: unknown): string | null {
  return (thrown instanceof Error && (thrown as PgError).constraint) || null;
}

/** Failures of the connection get our code; everything else stays what it is. */
export function toDatabaseError(thrown: unknown): Error {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof Error && BUSY.has((thrown as PgError).code ?? '')) {
    const message = 'Somebody else holds what this needs, for longer than it waited; try again.';
    return new AppError('database_busy', message, { retryAfter: 2, cause: thrown });
  }
  if (!isUnavailable(thrown)) return toError(thrown);
  const { code = '', message } = thrown as PgError;
  if (code === DISK_FULL)
    return new AppError(
      'database_unavailable',
      `The disk of PostgreSQL is full (${code}): free some of it. opsloop goes on trying; nothing acknowledged is lost.`,
      { retryAfter: 5, cause: thrown },
    );
  // A pooler has one code for everything that is wrong between it and the server; its sentence says what.
  const why = code === PROTOCOL_VIOLATION ? `${code}: ${message}` : code;
  return new AppError(
    'database_unavailable',
    `PostgreSQL does not answer${why ? ` (${why})` : ''}. opsloop goes on trying; nothing acknowledged is lost.`,
    { retryAfter: 2, cause: thrown },
  );
}

/** Whether the role of the connection lacks the right to what it asked for. */
export function mayNot(error: unknown): boolean {
  return error instanceof Error && (error as PgError).code === '42501';
}

/** Whether what was to be dropped is what others are connected to. */
export function isInUse(error: unknown): boolean {
  return error instanceof Error && (error as PgError).code === '55006';
}
