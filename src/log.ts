import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** One logger for the process; each subsystem takes a child named by `part`. */
export type Log = Logger;

/** Members whose values never reach a log line, at the first two levels of any logged object. */
const SECRETS = ['key', 'apiKey', 'secret', 'password', 'authorization', 'token', 'databaseUrl', 'listenUrl'];

/**
 * Readable lines on a terminal, JSON elsewhere. Written synchronously, so that the last line before an
 * exit is never lost.
 */
export function makeLog(options: { level: string; terminal: boolean }): Log {
  const settings = {
    level: options.level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '[secret]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (!options.terminal) return pino(settings, deafTo(pino.destination({ fd: 2, sync: true })));
  const lines = pretty({
    destination: 2,
    sync: true,
    colorize: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'part',
    singleLine: true,
    messageFormat: '{part}: {msg}',
  });
  return pino(settings, deafTo(lines));
}

/** A terminal that was closed, or a reader that has gone, must not end the program in the middle of its work. */
function deafTo<Stream extends { on(event: 'error', listener: () => void): unknown }>(
  stream: Stream,
): Stream {
  stream.on('error', () => undefined);
  return stream;
}

/** What an operator needs of an error; stacks say more about us than about the problem. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? { code: error.code } : {};
  return { message: error.message, ...code };
}

/** For library users who bring no logger, and for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
