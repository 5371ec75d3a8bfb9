import type { Database, Db } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import { untilAvailable } from '../db/until-available.ts';
import { type ActionRunRow, insertActionRun, selectRunsOfBeat } from '../engine/action-runs.ts';
import { AppError, toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { cleanText } from '../lib/clean-text.ts';
import { uuid7 } from '../lib/uuid7.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { ACTIONS, type Action } from './actions.ts';
import {
  type BeatRow,
  beginBeat,
  finishBeat,
  giveUpBeat,
  isBeatFinished,
  lastBeatAgeMs,
  renewBeat,
  selectBeats,
} from './queries.ts';

export type Beat = {
  id: string;
  /** Somebody else's beat was under way and is answered here too. */
  joined: boolean;
  actions: ActionRunRow[];
};

export type Heartbeat = {
  /** Runs a beat now, or joins the one that is under way, in whichever process. */
  beat(askedBy: string): Promise<Beat>;
  close(): Promise<void>;
};

const RENEW_EVERY_MS = 4_000;
const JOIN_POLL_MS = 50;
const JOIN_LIMIT_MS = 60_000;
/** A beat that failed is tried again sooner than the next one is due. */
const RETRY_MS = 10_000;

/** @param intervalMs time between beats of the whole installation, however many processes run this */
export function startHeartbeat(
  database: Database,
  options: { intervalMs: number; log: Log; actions?: readonly Action[] },
): Heartbeat {
  const { intervalMs, actions = ACTIONS } = options;
  const log = options.log.child({ part: 'heartbeat' });
  const closing = new AbortController();
  const timer = makeWake();
  let running: Promise<Beat> | undefined;

  const beatNow = (askedBy: string, notWithinMs: number | null): Promise<Beat> => {
    if (running) return running.then((other) => ({ ...other, joined: true }));
    const asked = { by: askedBy, notWithinMs };
    running = runBeat(database, asked, actions, log, closing.signal).finally(() => {
      running = undefined;
    });
    return running;
  };

  /** Beats if it is time to. Returns how long to rest. */
  const beatIfDue = async (): Promise<number> => {
    const age = await lastBeatAgeMs(database);
    if (age !== null && age < intervalMs) return Math.max(1_000, intervalMs - age);
    await beatNow('timer', intervalMs);
    return intervalMs;
  };

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      let rest = RETRY_MS;
      try {
        rest = await beatIfDue();
        failing = false;
      } catch (error) {
        if (!failing && !closing.signal.aborted) log.warn({ err: toError(error).message }, 'the beat failed');
        failing = true;
      }
      await timer.wait(jittered(Math.min(rest, intervalMs)), closing.signal);
    }
  })();

  return {
    beat: (askedBy) => beatNow(askedBy, null),
    async close() {
      closing.abort();
      await loop;
      await running?.catch(() => undefined);
    },
  };
}

/** Milliseconds since the last beat of the installation; null when there was none. */
export function lastBeatAge(db: Db): Promise<number | null> {
  return lastBeatAgeMs(db);
}

/** The newest beats with what their actions did. */
export function listBeats(db: Db, limit: number): Promise<BeatRow[]> {
  return selectBeats(db, limit);
}

type Summary = { action: string; status: string }[];

async function runBeat(
  database: Database,
  asked: { by: string; notWithinMs: number | null },
  actions: readonly Action[],
  log: Log,
  closing: AbortSignal,
): Promise<Beat> {
  const { by, notWithinMs } = asked;
  // Drawn before, so that a beat whose begin was committed without an answer can be taken back, too.
  const id = uuid7();
  // What cannot be renewed is begun anew by whoever is next; both do what bears being done twice.
  const renew = () => void renewBeat(database, id).catch(() => undefined);
  const renewing = setInterval(renew, RENEW_EVERY_MS);
  try {
    const begun = await database.transaction((tx) => beginBeat(tx, id, by, notWithinMs));
    if (!begun.mine) return await joinBeat(database, begun.id, closing);
    const summary: Summary = [];
    await runActions(database, { id, askedBy: by }, actions, summary, log);
    await finishBeat(database, id, summary);
  } catch (error) {
    // An unfinished beat would be waited for until its lease ends. Whoever asked need not wait for the database.
    const givingUp = untilAvailable(() => giveUpBeat(database, id), closing, log).catch((failure: unknown) =>
      log.warn({ err: toError(failure).message }, 'a beat that broke off was not taken back'),
    );
    if (!isUnavailable(error)) await givingUp;
    throw error;
  } finally {
    clearInterval(renewing);
  }
  database.hints.tell('events');
  return { id, joined: false, actions: await selectRunsOfBeat(database, id) };
}

async function runActions(
  database: Database,
  { id, askedBy }: { id: string; askedBy: string },
  actions: readonly Action[],
  summary: Summary,
  log: Log,
): Promise<void> {
  const began = performance.now();
  for (const action of actions) {
    const run = await runAction(database, action, log);
    summary.push({ action: action.name, status: run.status });
    await insertActionRun(database, { action: action.name, beatId: id, ...run });
  }
  const durationMs = performance.now() - began;
  await insertActionRun(database, {
    action: 'logHeartbeat',
    status: 'ok',
    details: { actions: summary, asked_by: askedBy },
    durationMs,
    beatId: id,
  });
}

/** One action's failure is recorded and does not stop the others. */
async function runAction(database: Database, action: Action, log: Log) {
  const began = performance.now();
  try {
    const details = await action.run(database);
    return { status: 'ok' as const, details, durationMs: performance.now() - began };
  } catch (thrown) {
    const error = toError(thrown);
    log.error({ action: action.name, err: error.message }, 'an action of the heartbeat failed');
    const details = {
      error: cleanText(error.message.slice(0, 2_000)),
      ...(error instanceof AppError ? { code: error.code } : {}),
    };
    return { status: 'error' as const, details, durationMs: performance.now() - began };
  }
}

async function joinBeat(database: Database, id: string, closing: AbortSignal): Promise<Beat> {
  const giveUpAt = performance.now() + JOIN_LIMIT_MS;
  while (!(await isBeatFinished(database, id))) {
    if (closing.aborted || performance.now() > giveUpAt) {
      throw new AppError('timed_out', 'Another process is still at its beat; ask again in a while.', {
        retryAfter: 10,
      });
    }
    await sleep(JOIN_POLL_MS, closing);
  }
  return { id, joined: true, actions: await selectRunsOfBeat(database, id) };
}
