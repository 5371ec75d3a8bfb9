import type { Database } from '../db/database.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import {
  anyUnsealed,
  type Horizon,
  sealBatch,
  selectHorizon,
  selectHorizonPassed,
  tryLockSealer,
} from './queries.ts';

/**
 * The sealer gives events their order. An event's id is drawn before its transaction commits, so a reader
 * that follows ids misses late commits. The sealer takes what is committed and not sealed, numbers it without
 * gaps, and chains the digests; readers follow these numbers. Every process runs one; a lock in the database
 * lets one work at a time, and any other takes over at once when it dies.
 */
export type Sealer = { close(): Promise<void> };

const BATCH = 5_000;
/** For the events of a process that died before its hint. */
const IDLE_POLL_MS = 3_000;
/** Where hints of other processes do not arrive, their events wait for this. */
const DEAF_POLL_MS = 250;
/** After a seal it rests this many times as long: each one is a commit, and few large ones cost less. */
const REST = 4;
const MOST_REST_MS = 25;
const HORIZON_EVERY_MS = 60_000;
/** A backend draws an id an instant before it has a transaction id; this is that instant, generously. */
const HORIZON_AGE_MS = 600_000;

export function startSealer(database: Database, log: Log): Sealer {
  const closing = new AbortController();
  const wake = makeWake();
  const stopListening = database.hints.on('events', wake.call);
  const deadGaps = makeDeadGaps(database);

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      try {
        const began = performance.now();
        const sealed = (await anyUnsealed(database)) ? await sealOnce(database, await deadGaps.below()) : 0;
        failing = false;
        if (sealed > 0) database.hints.tell('sealed');
        if (sealed >= BATCH) continue;
        if (sealed > 0)
          await sleep(Math.min(MOST_REST_MS, (performance.now() - began) * REST), closing.signal);
        // What it sealed need not be all: of late events it takes a part.
        else await wake.wait(database.hints.listening() ? IDLE_POLL_MS : DEAF_POLL_MS, closing.signal);
      } catch (error) {
        if (!failing) log.warn({ err: (error as Error).message }, 'events wait for their seal');
        failing = true;
        await sleep(1_000, closing.signal);
      }
    }
  })();

  return {
    async close() {
      closing.abort();
      stopListening();
      await loop;
    },
  };
}

/** Seals one batch unless another process is at it. Returns how many events were sealed. */
export function sealOnce(database: Database, deadBelow = 0): Promise<number> {
  return database.transaction(async (tx) =>
    (await tryLockSealer(tx)) ? sealBatch(tx, BATCH, deadBelow) : 0,
  );
}

/** Finds the id below which gaps will never be filled: all transactions of that time have ended. */
function makeDeadGaps(database: Database) {
  const horizons: (Horizon & { at: number })[] = [];
  let below = 0;
  let nextLook = 0;

  return {
    async below(): Promise<number> {
      const now = performance.now();
      if (now < nextLook) return below;
      nextLook = now + HORIZON_EVERY_MS;
      horizons.push({ ...(await selectHorizon(database)), at: now });
      const oldest = horizons[0];
      if (oldest && now - oldest.at >= HORIZON_AGE_MS && (await selectHorizonPassed(database, oldest))) {
        below = oldest.maxEventId;
        horizons.shift();
      }
      return below;
    },
  };
}
