import type { Db } from '../../db/database.ts';
import { type Break, chain } from './links.ts';
import { type Offence, offence } from './offence.ts';
import { sizeOf } from '../ranges.ts';
import { firstDifference, readRows } from './rows.ts';

/** The chain alone does not say which part of a batch was altered; together with the rows it often does. */
export async function explainBreak(db: Db, { broken: batch, before }: Break): Promise<Offence> {
  const rows = await readRows(db, batch.ranges);
  const now = Buffer.concat(rows.there.map((part) => rows.digestsOf(part)));
  const isWhole = sizeOf(rows.there) === batch.last_seq - batch.first_seq + 1;
  const differs = isWhole ? firstDifference(batch.digests, now) : null;
  const places = `events ${batch.first_seq} to ${batch.last_seq}`;
  const tell = (what: string, seq = batch.first_seq, eventId?: number) =>
    offence('digests_altered', what, { seq, batch, ...(eventId === undefined ? {} : { eventId }) });

  if (differs !== null && chain(before, now).equals(batch.hash)) {
    const [seq, id] = [batch.first_seq + differs, idAt(batch.ranges, differs)];
    return tell(
      `The digest of event ${id} (place ${seq}) was altered; its row is what was sealed.`,
      seq,
      id ?? undefined,
    );
  }
  return tell(
    isWhole && differs === null
      ? `The chain breaks at the batch of ${places}: its hash was altered, or rows and digests together.`
      : `The chain breaks at the batch of ${places}: its digests were altered.`,
  );
}

function idAt(ranges: Break['broken']['ranges'], place: number): number | null {
  let left = place;
  for (const { from, to } of ranges) {
    if (left < to - from) return from + left;
    left -= to - from;
  }
  return null;
}
