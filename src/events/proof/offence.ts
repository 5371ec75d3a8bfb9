import type { Batch } from './queries.ts';

/** What can be wrong with the log. */
export type OffenceKind =
  | 'altered'
  | 'missing'
  | 'inserted'
  | 'unproven'
  | 'digests_altered'
  | 'batch_altered'
  | 'batch_missing'
  | 'rewritten'
  | 'cut_off'
  | 'other_log'
  | 'head_altered';

/** The first thing that is wrong: where, what, and what to do. */
export type Offence = {
  kind: OffenceKind;
  /** Its place in the order; null for what has none. */
  seq: number | null;
  event_id: number | null;
  batch: { first_seq: number; last_seq: number } | null;
  what: string;
  todo: string;
};

const KEEP =
  'Leave the database and the home as they are, and compare with a backup: `opsloop events verify` on it says whether it is whole.';

const TODO: Record<OffenceKind, string> = {
  altered: KEEP,
  missing: KEEP,
  inserted: KEEP,
  unproven:
    'If another server with a home of its own dropped them, give the public key of that home: `opsloop events key > its.pub` there, `opsloop events verify --trust its.pub` here. If not, they were deleted by hand.',
  digests_altered: KEEP,
  batch_altered: KEEP,
  batch_missing: KEEP,
  rewritten: `${KEEP} If you have put back a backup yourself, move log-heads.jsonl of the home aside.`,
  cut_off: `${KEEP} If you have put back a backup yourself, move log-heads.jsonl of the home aside.`,
  other_log:
    'If this home was used with another database before, move its log-heads.jsonl aside. If not, this database has taken the place of yours.',
  head_altered: 'Somebody has changed log-heads.jsonl of the home; compare it with a copy of the home.',
};

export function offence(
  kind: OffenceKind,
  what: string,
  where: { seq?: number; eventId?: number; batch?: Pick<Batch, 'first_seq' | 'last_seq'> } = {},
): Offence {
  const { seq = null, eventId = null, batch } = where;
  return {
    kind,
    seq,
    event_id: eventId,
    batch: batch ? { first_seq: batch.first_seq, last_seq: batch.last_seq } : null,
    what,
    todo: TODO[kind],
  };
}
