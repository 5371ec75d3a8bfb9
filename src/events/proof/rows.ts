import type { Db } from '../../db/database.ts';
import { type Offence, offence } from './offence.ts';
import type { Prunings } from './prunings.ts';
import { type Batch, selectDigests } from './queries.ts';
import { formatRanges, parseRanges, type Range, type Ranges, sizeOf, within, without } from '../ranges.ts';

export const DIGEST_BYTES = 32;

/** A batch whose ids, digests and places fit together. */
export type SoundBatch = Batch & { ranges: Ranges };

/** The rows of some batches as they are now: which are there, and each one's digest. */
export type Rows = { there: Ranges; digestsOf(part: Range): Buffer };

export async function readRows(db: Db, ids: Ranges): Promise<Rows> {
  const { ids: text, digests } = await selectDigests(db, formatRanges(ids));
  const there = parseRanges(text) ?? [];
  const starts: number[] = [];
  let at = 0;
  for (const { from, to } of there) {
    starts.push(at);
    at += to - from;
  }
  return {
    there,
    /** A part that is there as a whole. */
    digestsOf({ from, to }) {
      const index = there.findLastIndex((range) => range.from <= from);
      const start = (starts[index] ?? 0) + from - (there[index]?.from ?? from);
      return digests.subarray(start * DIGEST_BYTES, (start + to - from) * DIGEST_BYTES);
    },
  };
}

/** Holds the rows of a batch against its digests, in the order of their places. Returns how many were dropped. */
export async function compareRows(
  batch: SoundBatch,
  rows: Rows,
  prunings: Prunings,
  isSigned: boolean,
): Promise<Offence | number> {
  let dropped = 0;
  let place = 0;
  for (const range of batch.ranges) {
    const seqOf = (id: number) => batch.first_seq + place + id - range.from;
    const parts = [
      ...within(range, rows.there).map((part) => ({ part, isThere: true })),
      ...without(range, rows.there).map((part) => ({ part, isThere: false })),
    ].sort((a, b) => a.part.from - b.part.from);
    for (const { part, isThere } of parts) {
      if (isThere) {
        const start = (place + part.from - range.from) * DIGEST_BYTES;
        const sealed = batch.digests.subarray(start, start + (part.to - part.from) * DIGEST_BYTES);
        const differs = firstDifference(sealed, rows.digestsOf(part));
        if (differs !== null) return altered(part.from + differs, seqOf(part.from + differs), batch);
        continue;
      }
      const found = await whyMissing(part, prunings, isSigned);
      if (found !== null) return found(seqOf, batch);
      dropped += part.to - part.from;
    }
    place += sizeOf([range]);
  }
  return dropped;
}

/** The first of the digests that is another one; null when all are the same. */
export function firstDifference(sealed: Buffer, now: Buffer): number | null {
  if (sealed.equals(now)) return null;
  for (let at = 0; at < sealed.length; at += DIGEST_BYTES)
    if (!sealed.subarray(at, at + DIGEST_BYTES).equals(now.subarray(at, at + DIGEST_BYTES)))
      return at / DIGEST_BYTES;
  return sealed.length / DIGEST_BYTES;
}

type Told = (seqOf: (id: number) => number, batch: Batch) => Offence;

async function whyMissing(part: Range, prunings: Prunings, isSigned: boolean): Promise<Told | null> {
  const [unexplained] = await prunings.unexplained(part);
  const [unproven] = isSigned ? prunings.unproven(part) : [];
  if (unexplained !== undefined) {
    const { from, to } = unexplained;
    const refused = prunings.refused(from);
    const more = to - from > 1 ? ` So are the ${to - from - 1} after it.` : '';
    const because =
      refused === null
        ? 'and no signed event tells that it was dropped.'
        : `and the event ${refused} that says it was dropped has no good signature.`;
    return (seqOf, batch) =>
      offence('missing', `Event ${from} (place ${seqOf(from)}) is missing, ${because}${more}`, {
        seq: seqOf(from),
        eventId: from,
        batch,
      });
  }
  if (unproven === undefined) return null;
  const { from } = unproven;
  return (seqOf, batch) =>
    offence(
      'unproven',
      `Event ${from} (place ${seqOf(from)}) was dropped, as a later event says, but that is signed with a key that is not known here.`,
      { seq: seqOf(from), eventId: from, batch },
    );
}

function altered(id: number, seq: number, batch: Batch): Offence {
  const what = `Event ${id} (place ${seq}) is not what was sealed: its row was altered.`;
  return offence('altered', what, { seq, eventId: id, batch });
}
