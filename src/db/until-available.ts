import { toError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { isUnavailable } from './sqlstate.ts';

const PAUSE_MS = 1_000;

/**
 * Does something that needs the database, and waits for a database that is away, saying so once.
 * @throws what fails for another reason, and what failed last when the signal aborts
 */
export async function untilAvailable<T>(work: () => Promise<T>, signal: AbortSignal, log: Log): Promise<T> {
  for (let told = false; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || signal.aborted) throw error;
      if (!told) log.warn({ err: toError(error).message }, 'waiting for PostgreSQL');
      told = true;
      await sleep(PAUSE_MS, signal);
    }
  }
}
