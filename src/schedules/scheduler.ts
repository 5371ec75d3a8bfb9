import { isBusy, isUnavailable } from '../db/sqlstate.ts';
import { toError } from '../errors.ts';
import { backoffMs, jittered } from '../lib/backoff.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { selectNext } from './queries.ts';
import { type DueParts, type Failures, SomebodyHoldsIt, takeDue } from './take-due.ts';

/**
 * Takes schedules when their time comes. Every server runs one; what they may do twice, the database refuses. It
 * rests until the next due time by the database's clock, and looks in between whether that clock was set or a
 * schedule changed without a hint.
 */
export type Scheduler = { close(): Promise<void> };

const LOOK_EVERY_MS = 60_000;
/** Where hints of other processes do not arrive, their changes are found by looking. */
const DEAF_LOOK_EVERY_MS = 5_000;
/** A schedule that cannot be taken, for want of its agent or of a policy, is tried again after this. */
const HOLD_MS = 30_000;
/** One that somebody holds is likely being changed. */
const LOCKED_MS = 2_000;
const BACKOFF = { firstMs: 500, maxMs: 15_000 };

export function startScheduler(parts: DueParts, log: Log): Scheduler {
  const { hints } = parts.database;
  const closing = new AbortController();
  const wake = makeWake();
  const held = makeHeld(log);
  const stopListening = [
    hints.on('schedules', () => {
      held.clear();
      wake.call();
    }),
    hints.on('policy', () => {
      if (held.clear()) wake.call();
    }),
  ];

  /** Takes what is due. Returns how long to rest. */
  const look = async (): Promise<number> => {
    const { now, wait_ms } = await selectNext(parts.database, held.ids());
    const longest = Math.min(hints.listening() ? LOOK_EVERY_MS : DEAF_LOOK_EVERY_MS, held.restMs());
    if (wait_ms === null || wait_ms > 0) return Math.min(longest, Math.ceil(wait_ms ?? longest));
    const { failures } = await takeDue(parts, now, held.ids());
    const away = [...failures.values()].find((error) => isUnavailable(error) || isBusy(error));
    if (away !== undefined) throw away;
    held.add(failures);
    return 0;
  };

  const loop = (async () => {
    for (let failing = 0; !closing.signal.aborted; ) {
      try {
        const rest = await look();
        failing = 0;
        if (rest > 0) await wake.wait(rest, closing.signal);
      } catch (error) {
        if (failing++ === 0) log.warn({ err: toError(error).message }, 'schedules wait');
        await sleep(jittered(backoffMs(failing, BACKOFF)), closing.signal);
      }
    }
  })();

  return {
    async close() {
      closing.abort();
      for (const stop of stopListening) stop();
      await loop;
    },
  };
}

/** Schedules that could not be taken, left alone for a while, so that one of them holds up nobody and spins nothing. */
function makeHeld(log: Log) {
  const until = new Map<string, number>();
  const told = new Map<string, string>();
  const current = () => {
    const now = performance.now();
    for (const [id, end] of until) if (end <= now) until.delete(id);
    return until;
  };

  return {
    ids: () => [...current().keys()],
    /** How long until one of them is tried again. */
    restMs: () =>
      Math.max(1, Math.min(...[...current().values()].map((end) => end - performance.now()), LOOK_EVERY_MS)),
    add(failures: Failures) {
      for (const [id, error] of failures) {
        if (error instanceof SomebodyHoldsIt) {
          until.set(id, performance.now() + LOCKED_MS);
          continue;
        }
        const { message } = toError(error);
        if (told.get(id) !== message) log.warn({ schedule: id, err: message }, 'a schedule cannot be taken');
        told.set(id, message);
        until.set(id, performance.now() + HOLD_MS);
      }
    },
    /** They are tried at once. Returns whether there were any. */
    clear(): boolean {
      const any = until.size > 0;
      until.clear();
      return any;
    },
  };
}
