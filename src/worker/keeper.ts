import type { Database } from '../db/database.ts';
import { promoteDelayed } from '../engine/promote.ts';
import { RENEW_EVERY_MS } from '../engine/schema.ts';
import { toError } from '../errors.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { makeSweeper } from './sweep.ts';

/** How often delayed steps are looked for, and how often when none was there and none was told of. */
const PROMOTE_MS = 1_000;
const IDLE_PROMOTE_MS = 5_000;

/**
 * Keeps the queue true, whoever works its steps: makes delayed ones claimable when their time comes, and takes back
 * those of dead workers. Every process that works steps or gives them out has one.
 */
export type Keeper = {
  /** Something may have been delayed. */
  look(): void;
  stop(): Promise<void>;
};

/** @param serves whether workers over HTTP renew through this process */
export function startKeeper(database: Database, log: Log, serves = true): Keeper {
  const closing = new AbortController();
  const wake = makeWake();
  const sweep = makeSweeper(database, log, { serves });
  const stopHints = (['steps', 'policy'] as const).map((topic) => database.hints.on(topic, wake.call));

  const keepSweeping = async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      await sleep(RENEW_EVERY_MS, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await sweep();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'the sweep waits');
        failing = true;
      }
    }
  };

  const keepPromoting = async () => {
    while (!closing.signal.aborted) {
      const next = await promoteDelayed(database).catch(() => ({ promoted: 0, nextInMs: null, more: false }));
      if (next.promoted > 0) database.hints.tell('steps');
      if (next.more) continue;
      await sleep(Math.min(PROMOTE_MS, Math.max(20, next.nextInMs ?? PROMOTE_MS)), closing.signal);
      // When none was there, the next one comes by a hint or by an end of our own.
      if (next.nextInMs === null && database.hints.listening())
        await wake.wait(IDLE_PROMOTE_MS, closing.signal);
    }
  };

  const loops = Promise.all([keepSweeping(), keepPromoting()]);
  return {
    look: wake.call,
    async stop() {
      closing.abort();
      for (const stopHint of stopHints) stopHint();
      await loops;
    },
  };
}
