import { createHash } from 'node:crypto';
import { type Offence, offence } from './offence.ts';
import type { Batch } from './queries.ts';
import { addRange, dropBelow, parseRanges, type Ranges, sizeOf, within } from '../ranges.ts';
import { DIGEST_BYTES, type SoundBatch } from './rows.ts';

/** A batch in which the chain breaks: its hash is not that of the hash before it and its digests. */
export type Break = { broken: SoundBatch; before: Buffer };

/** What is known of the chain up to a place. */
export type Links = {
  seq(): number;
  /** Ids that batches have named, from the first one on that is not known to be settled. */
  named: Ranges;
  /** Takes the next batch, when it follows the one before and is sound in itself. */
  follow(batch: Batch): SoundBatch | Offence | Break;
  /** Every id up to this one was looked at: it is in a batch or was never used. */
  settled(): number;
  settle(through: number): void;
};

/** No id is lower, also none that somebody makes up. */
const LOWEST = Number.MIN_SAFE_INTEGER;

export function makeLinks(): Links {
  const named: Ranges = [];
  let hash: Buffer = Buffer.alloc(0);
  let seq = 0;
  let settled = LOWEST;

  const problemOf = (batch: Batch, ranges: Ranges | null): Offence | null => {
    const size = batch.last_seq - batch.first_seq + 1;
    const places = `events ${batch.first_seq} to ${batch.last_seq}`;
    if (batch.first_seq > seq + 1)
      return offence('batch_missing', `No batch names events ${seq + 1} to ${batch.first_seq - 1}.`, {
        seq: seq + 1,
        batch,
      });
    const where = { seq: batch.first_seq, batch };
    const fits =
      batch.first_seq === seq + 1 &&
      ranges !== null &&
      sizeOf(ranges) === size &&
      batch.digests.length === size * DIGEST_BYTES &&
      (ranges.at(-1)?.to ?? 0) <= batch.max_event_id + 1;
    if (!fits)
      return offence('batch_altered', `The batch of ${places} was altered: its parts do not fit.`, where);
    const [twice] = ranges.flatMap((range) => [
      ...within(range, named),
      ...within(range, [{ from: LOWEST, to: settled + 1 }]),
    ]);
    if (twice === undefined) return null;
    const what = `The batch of ${places} was altered: it names event ${twice.from}, which has another place.`;
    return offence('batch_altered', what, { ...where, eventId: twice.from });
  };

  return {
    seq: () => seq,
    named,
    follow(batch) {
      const ranges = parseRanges(batch.ids);
      const problem = problemOf(batch, ranges);
      if (problem !== null || ranges === null)
        return problem ?? offence('batch_altered', 'No ids.', { batch });
      if (!chain(hash, batch.digests).equals(batch.hash))
        return { broken: { ...batch, ranges }, before: hash };
      for (const range of ranges) addRange(named, range);
      ({ last_seq: seq, hash } = batch);
      return { ...batch, ranges };
    },
    settled: () => settled,
    settle(through) {
      settled = Math.max(settled, through);
      dropBelow(named, settled + 1);
    },
  };
}

export function chain(before: Buffer, digests: Buffer): Buffer {
  return createHash('sha256').update(before).update(digests).digest();
}
