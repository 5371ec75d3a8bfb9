import type { Db } from '../../db/database.ts';
import type { Cause } from '../schema.ts';
import { appendEvents } from '../events.ts';
import { type Candidate, deleteEvents, selectCandidates, type Wanted } from './drop-queries.ts';
import type { LogKey } from './key.ts';
import { PRUNED, signPruning } from './prunings.ts';
import { selectChainEnd } from './queries.ts';
import { formatRanges, rangesOf } from '../ranges.ts';

export { countThreads, type LooseEvents, selectLoose, tryLockPruner } from './drop-queries.ts';

/** What is known of the events of one thing, before they are dropped. */
export type Findings = {
  ids: number[];
  /** Those of them that could be dropped by themselves. */
  free: number[];
  /** All are old enough and have a seal. */
  ripe: boolean;
  /** How many of them tell that a proposal ended. */
  ends: number;
  /** The first that is not what was sealed. */
  damaged: number | null;
};

/** The events of each thing: by proposal, or by what they are about. */
export async function findEvents(tx: Db, wanted: Wanted, before: Date): Promise<Map<string, Findings>> {
  const found = new Map<string, Findings>();
  for (const event of await selectCandidates(tx, wanted, before)) {
    const sum = found.get(event.thing) ?? { ids: [], free: [], ripe: true, ends: 0, damaged: null };
    found.set(event.thing, sum);
    add(sum, event);
  }
  return found;
}

function add(sum: Findings, { id, ends, recent, intact }: Candidate): void {
  sum.ids.push(id);
  if (!recent && intact) sum.free.push(id);
  sum.ends += ends ? 1 : 0;
  sum.ripe &&= !recent && intact !== null;
  if (intact === false) sum.damaged ??= id;
}

/**
 * Drops events and leaves a signed event in their stead, which names them: without it, and without a good signature,
 * verifying calls them missing. What was dropped besides them is in `what`.
 */
export async function dropEvents(
  tx: Db,
  key: LogKey,
  ids: readonly number[],
  told: { cause: Cause; what: Record<string, number> },
): Promise<void> {
  const end = await selectChainEnd(tx);
  if (end === null) throw new Error('nothing is sealed, so nothing can be dropped');
  const deleted = await deleteEvents(tx, ids);
  if (deleted !== ids.length)
    throw new Error(`${ids.length} events were to be dropped, ${deleted} were there`);
  const facts = {
    ids: formatRanges(rangesOf(ids)),
    through_seq: end.seq,
    hash: end.hash,
    installation: end.installation,
  };
  await appendEvents(tx, {
    kind: PRUNED,
    source: 'retention',
    entity: 'log',
    entityId: 'events',
    payload: { cause: told.cause, events: ids.length, ...told.what, ...signPruning(key, facts) },
  });
}
