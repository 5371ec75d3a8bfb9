import type { Database } from '../db/database.ts';
import { eventsHead, nextSealedIds } from '../events/events.ts';
import { selectNewestThread, selectThreadIds, selectThreadsOf, selectUnsealedThreads } from './queries.ts';

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const THREADS_AT_ONCE = 200;
const EVENTS_AT_ONCE = 10_000;

/** All threads that are there now, by their ids. What begins meanwhile would have no end. */
export async function* allThreads(database: Database): AsyncGenerator<string[]> {
  const through = await selectNewestThread(database);
  if (through === null) return;
  for (let last = LOWEST_ID; ; ) {
    const ids = await selectThreadIds(database, { after: last, through }, THREADS_AT_ONCE);
    const end = ids.at(-1);
    if (end === undefined) return;
    yield ids;
    last = end;
  }
}

/** The threads of what happened after a place in the log. */
export async function* threadsSince(database: Database, seq: number): AsyncGenerator<string[]> {
  const found = new Set(await selectUnsealedThreads(database));
  const { seq: head } = await eventsHead(database);
  for (let place = seq; place < head; ) {
    const next = await nextSealedIds(database, place, EVENTS_AT_ONCE);
    if (next === null) break;
    for (const id of await selectThreadsOf(database, next.ids)) found.add(id);
    place = next.throughSeq;
  }
  const ids = [...found].sort();
  for (let at = 0; at < ids.length; at += THREADS_AT_ONCE) yield ids.slice(at, at + THREADS_AT_ONCE);
}
