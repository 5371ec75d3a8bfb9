import type { Config } from '../config.ts';
import { describeLocalPostgres, startLocalPostgres } from '../db/local/local-postgres.ts';
import { toError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';

const LOOK_EVERY_MS = 3_000;

/** Starts the home's own PostgreSQL again when it is gone, for as long as this program runs. */
export function keepPostgresRunning(config: Config, url: string, parentLog: Log): { close(): Promise<void> } {
  const log = parentLog.child({ part: 'postgres' });
  const closing = new AbortController();

  const look = async () => {
    if ((await describeLocalPostgres(config.home)).running || closing.signal.aborted) return;
    log.warn('PostgreSQL is gone; it is started again');
    const again = await startLocalPostgres({ home: config.home, log });
    if (again.url !== url) log.error('PostgreSQL had to take another port; start opsloop again');
  };

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      await sleep(LOOK_EVERY_MS, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await look();
        failing = false;
      } catch (error) {
        if (!failing) log.error({ err: toError(error).message }, 'PostgreSQL cannot be started');
        failing = true;
      }
    }
  })();

  return {
    async close() {
      closing.abort();
      await loop;
    },
  };
}
