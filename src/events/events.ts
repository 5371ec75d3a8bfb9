import type { Database, Db } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import {
  insertEvents,
  type LogHead,
  type SealedIds,
  selectHead,
  selectNextIds,
  selectPolicyChanges,
  selectSealed,
  selectSealingLag,
  selectThread,
} from './queries.ts';
import type { EventFilter, EventRow, NewEvent, PolicyChange } from './schema.ts';

/** Most sealed events that one read looks at, so that a filter that matches little stays cheap. */
const WINDOW = 50_000;
const CHUNK = 1_000;
/** Of that, most in one statement. */
const MOST_LOOKED_AT = 5_000;
const LIVE_POLL_MS = 1_000;

/** Writes events in the transaction of the change they tell of. */
export async function appendEvents(tx: Db, ...events: NewEvent[]): Promise<void> {
  if (events.length > 0) await insertEvents(tx, events);
}

/** A page, the newest first. `next` is where the page after it begins; a page can be short and still have one. */
export async function listEvents(
  db: Db,
  filter: EventFilter,
  page: { beforeSeq?: number | undefined; limit: number },
): Promise<{ events: EventRow[]; next: number | null }> {
  const beforeSeq = page.beforeSeq ?? (await selectHead(db)).seq + 1;
  const { limit } = page;
  if (filter.proposalId) {
    const events = await selectThread(db, filter.proposalId, filter, beforeSeq, limit);
    return { events, next: events.length === limit ? (events.at(-1)?.seq ?? null) : null };
  }
  // Every other filter is a scan and must be bounded; where it matches little, it looks at ever more at a time.
  const lowest = Math.max(1, beforeSeq - WINDOW);
  const events: EventRow[] = [];
  let throughSeq = beforeSeq - 1;
  for (
    let size = limit;
    events.length < limit && throughSeq >= lowest;
    size = Math.min(size * 8, MOST_LOOKED_AT)
  ) {
    const fromSeq = Math.max(lowest, throughSeq - size + 1);
    const found = await selectSealed(db, filter, { fromSeq, throughSeq });
    events.push(...found.toReversed().slice(0, limit - events.length));
    throughSeq = fromSeq - 1;
  }
  const next = events.length === limit ? (events.at(-1)?.seq ?? 1) : lowest;
  return { events, next: next > 1 ? next : null };
}

/** The changes of one key of the policy, the newest first, also those that wait for their seal. */
export async function listPolicyChanges(
  db: Db,
  key: string,
  page: { beforeId?: number | undefined; limit: number },
): Promise<{ changes: PolicyChange[]; next: number | null }> {
  const found = await selectPolicyChanges(db, key, page.beforeId ?? null, page.limit + 1);
  const changes = found.slice(0, page.limit);
  return { changes, next: found.length > page.limit ? (changes.at(-1)?.id ?? null) : null };
}

export type EventChunk = { events: EventRow[] /** All up to here was looked at. */; throughSeq: number };

/**
 * Follows the log from after `afterSeq`, without gap or repetition, until the signal aborts. It reads only
 * when the consumer asks for more, so a slow one costs no memory; a database that is away is waited for.
 */
export async function* followEvents(
  database: Database,
  filter: EventFilter,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<EventChunk> {
  const wake = makeWake();
  const stopListening = database.hints.on('sealed', wake.call);
  let place = afterSeq;
  try {
    while (!signal.aborted) {
      try {
        const { seq: head } = await selectHead(database);
        if (head > place) {
          const throughSeq = Math.min(head, place + CHUNK);
          const events = await selectSealed(database, filter, { fromSeq: place + 1, throughSeq });
          place = throughSeq;
          yield { events, throughSeq };
          continue;
        }
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await sleep(1_000, signal);
        continue;
      }
      await wake.wait(LIVE_POLL_MS, signal);
    }
  } finally {
    stopListening();
  }
}

/** The ids of the next sealed events, for who reads of them in the database; see `selectNextIds`. */
export function nextSealedIds(db: Db, afterSeq: number, most: number): Promise<SealedIds | null> {
  return selectNextIds(db, afterSeq, most);
}

/** The newest number, and how far sealing is behind. */
export async function eventsHead(db: Db): Promise<LogHead & { lagMs: number }> {
  const [head, lagMs] = [await selectHead(db), await selectSealingLag(db)];
  return { ...head, lagMs };
}
