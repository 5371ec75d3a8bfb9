import { AmbiguousCommit } from '../db/database.ts';
import { AppError } from '../errors.ts';

/**
 * What was broken off because somebody asked for it says that, and not how it broke. Not beside `untilInterrupted`, which
 * is for commands without a database as well: they load nothing of it.
 * @param left what is there now
 */
export async function orStopped<T>(work: Promise<T>, signal: AbortSignal, left: string): Promise<T> {
  return work.catch((error: unknown) => {
    throw signal.aborted && !(error instanceof AmbiguousCommit)
      ? new AppError('stopped', `Stopped. ${left}`, { cause: error })
      : error;
  });
}
