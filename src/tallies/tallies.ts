import type { Database, Db } from '../db/database.ts';
import { eventsHead, nextSealedIds } from '../events/events.ts';
import { addToTallies, anyUncounted, deleteOldMinutes, selectProgress, tryLockPlace } from './queries.ts';

/** Events of one transaction: tens of milliseconds. */
const BATCH = 5_000;
/** What a reader counts on demand, at most, and what a beat may spend. */
const MOST_ON_DEMAND = 50_000;
const BEAT_MS = 20_000;

/**
 * Counts the sealed events that are not counted yet, each exactly once: the place up to which they are counted moves in
 * the transaction that counts them. Ends where another process is at it.
 * @param until looked at after each transaction of about 5,000 events
 * @returns how many events were looked at
 */
async function countUntil(database: Database, until: (counted: number) => boolean): Promise<number> {
  let counted = 0;
  while (await anyUncounted(database)) {
    const more = await countBatch(database);
    counted += more;
    if (more === 0 || until(counted)) break;
  }
  return counted;
}

function countBatch(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    const place = await tryLockPlace(tx);
    const next = place === null ? null : await nextSealedIds(tx, place, BATCH);
    if (next === null) return 0;
    await addToTallies(tx, next);
    return next.ids.length;
  });
}

/** What is being counted by this process: readers that ask at once wait for the same. */
const underWay = new WeakMap<Database, Promise<number>>();

/** Brings the tallies up to date for a reader, as far as `most` events do. */
export async function countOnDemand(database: Database, most = MOST_ON_DEMAND): Promise<number> {
  const counting = underWay.get(database);
  if (counting) return counting;
  const mine = countUntil(database, (counted) => counted >= most);
  underWay.set(database, mine);
  try {
    return await mine;
  } finally {
    underWay.delete(database);
  }
}

/** The same for a beat, which also drops the minutes that nobody looks at any more. */
export async function countForBeat(
  database: Database,
): Promise<{ counted: number; minutes_dropped: number }> {
  const until = performance.now() + BEAT_MS;
  const counted = await countUntil(database, () => performance.now() > until);
  return { counted, minutes_dropped: await deleteOldMinutes(database) };
}

/** The database's time, and the time up to which everything is counted. */
export async function countedThrough(db: Db): Promise<{ now: Date; through: Date }> {
  const { now, seq, sealed_at, head } = await selectProgress(db);
  if (seq < head) return { now, through: sealed_at ?? new Date(0) };
  const { lagMs } = await eventsHead(db);
  return { now, through: new Date(now.getTime() - lagMs) };
}
