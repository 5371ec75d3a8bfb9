import type { Db } from '../../db/database.ts';
import { type KnownHeads, readKnownHeads } from './known-heads.ts';
import { readLogKey, readTrusted, type Verifier } from './key.ts';
import { explainBreak } from './explain-break.ts';
import { type Break, type Links, makeLinks } from './links.ts';
import { type Offence, offence } from './offence.ts';
import { makePrunings, type Prunings } from './prunings.ts';
import { type Batch, countUnsealed, selectBatches, selectChainEnd, selectUsedIds } from './queries.ts';
import { addRange, parseRanges, type Range, type Ranges, without } from '../ranges.ts';
import { compareRows, readRows, type SoundBatch } from './rows.ts';

/** Events that one reading looks at: a statement of some milliseconds, and a few megabytes of memory. */
const EVENTS_AT_ONCE = 10_000;
const IDS_AT_ONCE = 50_000;

export type Progress = { seq: number; total: number };
export type VerifyOptions = {
  /** Where the signed heads and the key are. */
  home: string;
  /** Public keys of other homes whose signatures count. */
  trusted?: readonly Verifier[];
  onProgress?: (progress: Progress) => void;
  /** Ends the work before its next statement, with the signal's reason. */
  signal?: AbortSignal | undefined;
};
export type Verdict = {
  ok: boolean;
  offence: Offence | null;
  events: { checked: number; dropped: number; unsealed: number };
  head: { seq: number; hash: string } | null;
  heads_compared: number;
  /** What could not be looked at, and what is good to know. */
  notes: string[];
  seconds: number;
  events_per_second: number;
};

type Walk = {
  db: Db;
  links: Links;
  heads: KnownHeads;
  prunings: Prunings;
  isSigned: boolean;
  checked: number;
  dropped: number;
};

/**
 * Holds every event against the digest of its seal, the digests against the chain, and the chain against the heads
 * that this home has signed. It reads batch by batch, each with statements of its own, so that it holds up nobody
 * and needs little memory; it stops at the first offence.
 */
export async function verifyLog(database: Db, options: VerifyOptions): Promise<Verdict> {
  const db: Db = {
    query: async (text, values, more) => {
      options.signal?.throwIfAborted();
      return database.query(text, values, more);
    },
  };
  const began = performance.now();
  const own = await readLogKey(options.home);
  const verifiers = [...(own ? [own] : []), ...(await readTrusted(options.home)), ...(options.trusted ?? [])];
  const installation = (await selectChainEnd(db))?.installation ?? null;
  const heads = await readKnownHeads(options.home, verifiers, installation);
  // After the heads: one that is signed in the meantime would seem to stand beyond the end.
  const end = await selectChainEnd(db);
  const prunings = makePrunings(db, verifiers, installation);
  const isSigned = verifiers.length > 0;
  const walk: Walk = { db, links: makeLinks(), heads, prunings, isSigned, checked: 0, dropped: 0 };

  const found = await walkThrough(walk, end?.seq ?? 0, options.onProgress);
  const seconds = (performance.now() - began) / 1000;
  const unproven = prunings.uncheckable();
  return {
    ok: found === null,
    offence: found,
    events: { checked: walk.checked, dropped: walk.dropped, unsealed: await countUnsealed(db) },
    head: end && { seq: end.seq, hash: end.hash },
    heads_compared: heads.compared(),
    notes: [
      ...heads.notes(),
      ...(unproven > 0
        ? [`${unproven} events tell of dropped events with a signature that cannot be checked here.`]
        : []),
    ],
    seconds: Math.round(seconds * 1000) / 1000,
    events_per_second: Math.round((walk.checked + walk.dropped) / seconds),
  };
}

async function walkThrough(
  walk: Walk,
  total: number,
  onProgress: VerifyOptions['onProgress'],
): Promise<Offence | null> {
  const { db, links } = walk;
  while (links.seq() < total) {
    const place = { afterSeq: links.seq(), throughSeq: total };
    const batches = await selectBatches(db, place, EVENTS_AT_ONCE);
    if (batches.length === 0) return gapAtTheEnd(links.seq(), total);
    const wrong = await checkBatches(walk, batches);
    if (wrong !== null) return wrong;
    const last = batches.at(-1);
    if (last) {
      const inserted = await findInserted(db, links, last, links.seq() >= total);
      if (inserted !== null) return inserted;
    }
    onProgress?.({ seq: links.seq(), total });
  }
  return walk.heads.finish(links.seq());
}

/** What is wrong with the rows of a sound batch stands before a later batch that is not sound. */
async function checkBatches(walk: Walk, batches: Batch[]): Promise<Offence | null> {
  const sound: SoundBatch[] = [];
  let unsound: Offence | Break | null = null;
  for (const batch of batches) {
    const followed = walk.links.follow(batch);
    if (!('ranges' in followed)) {
      unsound = followed;
      break;
    }
    sound.push(followed);
  }
  const ids: Ranges = [];
  for (const range of sound.flatMap(({ ranges }) => ranges)) addRange(ids, range);
  const rows = await readRows(walk.db, ids);
  for (const batch of sound) {
    const result = await compareRows(batch, rows, walk.prunings, walk.isSigned);
    if (typeof result !== 'number') return result;
    walk.dropped += result;
    walk.checked += batch.last_seq - batch.first_seq + 1 - result;
    const rewritten = walk.heads.compare(batch);
    if (rewritten !== null) return rewritten;
  }
  return unsound !== null && 'broken' in unsound ? explainBreak(walk.db, unsound) : unsound;
}

/**
 * Rows that no batch names. What the last batch calls a gap can still be sealed; every other id up to its highest
 * one is settled. While there are gaps, what lies above the first one is looked at later.
 */
async function findInserted(db: Db, links: Links, last: Batch, isEnd: boolean): Promise<Offence | null> {
  const gaps = parseRanges(last.gaps ?? '{}') ?? [];
  const through = isEnd ? last.max_event_id : Math.min((gaps[0]?.from ?? Infinity) - 1, last.max_event_id);
  const looks = (range: Range) => without(range, links.named).flatMap((left) => without(left, gaps));
  for (let after = links.settled(); after < through; ) {
    const used = await selectUsedIds(db, { after, through }, IDS_AT_ONCE);
    const [first] = (parseRanges(used.ids) ?? []).flatMap(looks);
    if (first !== undefined) return inserted(first.from, last);
    if (used.last === null) break;
    after = used.last;
  }
  links.settle(through);
  return null;
}

function inserted(id: number, batch: Batch): Offence {
  const what = `Event ${id} was inserted by hand: its row is there, and no batch up to place ${batch.last_seq} names it.`;
  return offence('inserted', what, { eventId: id, batch });
}

function gapAtTheEnd(seq: number, total: number): Offence {
  return offence('batch_missing', `No batch names events ${seq + 1} to ${total}.`, { seq: seq + 1 });
}
