import { toError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { CLOCK_LEEWAY_MS } from './kept.ts';
import { type BackupSettings, lastBackup, noteFailure } from './state.ts';

/** Not in the way of a start, and soon enough to make up for what a machine missed that was off. */
const FIRST_LOOK_MS = 10_000;
const LOOK_EVERY_MS = 60_000;
/** After one that failed. */
const RETRY_MS = 3_600_000;

export type Backups = { close(): Promise<void> };

/**
 * How long until the next one is due, in milliseconds; 0 or less: now.
 * @param since the last one, or when the database was made; null while that is not known because it is away
 */
export function dueIn(everyHours: number, since: Date | null, now: Date): number {
  const age = now.getTime() - (since ?? now).getTime();
  // A clock that was ahead then tells nothing of how long ago that was.
  if (age < -CLOCK_LEEWAY_MS) return 0;
  return everyHours * 3_600_000 - Math.max(0, age);
}

/** Makes one if it is due. Returns whether it did, or what went wrong, which is noted for health until one is made. */
export async function backUpIfDue(
  settings: BackupSettings,
  home: string,
  began: () => Promise<Date | null>,
  run: () => Promise<void>,
  signal?: AbortSignal,
): Promise<'made' | 'not due' | Error> {
  try {
    const last = await lastBackup(settings, home);
    const since = last ?? (await began().catch(() => null));
    if (settings.everyHours === null || dueIn(settings.everyHours, since, new Date()) > 0) return 'not due';
    await run();
    return 'made';
  } catch (thrown) {
    const error = toError(thrown);
    // One that was broken off by the end of the program is due again at the next start.
    if (!signal?.aborted) await noteFailure(home, error.message);
    return error;
  }
}

/** Makes backups when they are due, one at a time. @param run makes one, and ends early when its signal aborts */
export function startBackups(
  settings: BackupSettings,
  parts: {
    home: string;
    log: Log;
    began: () => Promise<Date | null>;
    run: (signal: AbortSignal) => Promise<void>;
  },
): Backups {
  const { home, log, began, run } = parts;
  const closing = new AbortController();
  const loop = (async () => {
    if (settings.everyHours === null) return;
    for (let rest = FIRST_LOOK_MS; ; ) {
      await sleep(rest, closing.signal);
      if (closing.signal.aborted) return;
      const result = await backUpIfDue(
        settings,
        home,
        began,
        () => run(closing.signal),
        closing.signal,
      ).catch(toError);
      if (closing.signal.aborted) return;
      if (result instanceof Error) log.error({ err: result.message }, 'the backup failed');
      rest = result instanceof Error ? RETRY_MS : LOOK_EVERY_MS;
    }
  })();
  return {
    async close() {
      closing.abort();
      await loop;
    },
  };
}
