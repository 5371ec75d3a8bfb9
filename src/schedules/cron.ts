import { Cron } from 'croner';
import { AppError, toError } from '../errors.ts';

/** What cron and a time zone mean. The only place that knows the library. */
const NEEDED =
  'Five fields are needed: minute hour day-of-month month day-of-week, such as "0 7 * * 1-5" (07:00 on working days).';
/** No ":" and no "T": the library would take a text with them for a date. */
const LETTERS = /^[0-9A-Za-z@*,/#?+\- ]+$/;
/**
 * The expression as it is kept.
 * @throws AppError invalid_request, when it cannot be read, never comes, or comes more often than once a minute
 */
export function checkCron(expression: string, timezone: string): string {
  const text = expression.trim().replace(/\s+/g, ' ');
  const fields = text.split(' ').length;
  if (!LETTERS.test(text)) throw refused(expression, 'it has characters that cron has not');
  if (fields > 5)
    throw refused(
      expression,
      `it has ${fields} fields; seconds and years are not taken, once a minute is the most`,
    );
  let cron: Cron;
  try {
    cron = read(text, timezone);
  } catch (error) {
    throw refused(expression, toError(error).message.replace(/^Cron\w+: /, ''));
  }
  if (cron.nextRun(new Date()) === null)
    throw refused(expression, 'it never comes, for no date is like that (as 30 February)');
  return text;
}

/** The first due time after a time; null when there is none. */
export function cronAfter(expression: string, timezone: string, after: Date): Date | null {
  return read(expression, timezone).nextRun(after);
}

/** The newest due times up to a time, the oldest first. */
export function cronThrough(expression: string, timezone: string, through: Date, most: number): Date[] {
  // Due times are whole seconds, and the library looks for those before a time.
  return read(expression, timezone)
    .previousRuns(most, new Date(through.getTime() + 1))
    .toReversed();
}

/** @throws AppError invalid_request */
export function checkTimeZone(timezone: string): void {
  // Offsets such as "+02:00" are known to newer Nodes alone, and know no daylight saving.
  if (/^[A-Za-z]/.test(timezone) && isTimeZone(timezone)) return;
  throw new AppError(
    'invalid_request',
    `"${timezone}" is no time zone; give a name of the IANA database, such as "UTC" or "Europe/Berlin".`,
    { details: { timezone } },
  );
}

function isTimeZone(timezone: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone });
    return true;
  } catch {
    return false;
  }
}

/**
 * `no-wildcard`: where minute and hour are named, a time that does not exist on a day comes at the first moment after
 * the gap, and one that exists twice comes the first time. With `*` or a step it goes by what the clock shows.
 */
function read(expression: string, timezone: string): Cron {
  return new Cron(expression, { timezone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true });
}

function refused(expression: string, why: string): AppError {
  return new AppError(
    'invalid_request',
    `The cron expression "${expression}" is not usable: ${why}. ${NEEDED}`,
    {
      details: { cron: expression },
    },
  );
}
