import { z } from 'zod';
import type { Db } from '../../db/database.ts';
import type { LogKey, Verifier } from './key.ts';
import { selectHashAt, selectPrunings } from './queries.ts';
import { addRange, parseRanges, type Range, type Ranges, without } from '../ranges.ts';

/** The event that stands for events which were dropped. */
export const PRUNED = 'log.pruned';

const Pruning = z.object({
  ids: z.string(),
  through_seq: z.number(),
  hash: z.string(),
  installation: z.string(),
  key: z.string(),
  signature: z.string(),
});
export type Pruning = z.infer<typeof Pruning>;

const factsOf = ({ installation, through_seq, hash, ids }: Omit<Pruning, 'key' | 'signature'>) =>
  [installation, through_seq, hash, ids] as const;

export function signPruning(key: LogKey, facts: Omit<Pruning, 'key' | 'signature'>): Pruning {
  return { ...facts, key: key.id, signature: key.sign('pruning', factsOf(facts)) };
}

/** Why events are not there any more, as far as it is known and proven. */
export type Prunings = {
  /** What of the range nothing explains. */
  unexplained(range: Range): Promise<Ranges>;
  /** What of the range was dropped by somebody whose signature cannot be checked here. */
  unproven(range: Range): Ranges;
  /** The event that names this id without a good signature. */
  refused(id: number): number | null;
  uncheckable(): number;
};

const ROWS_AT_ONCE = 50_000;

/**
 * Looked for only once a row is missing, and again when one is missing that nothing explains: what was dropped
 * a moment ago is told of by an event that is new, too. The events themselves are verified as the walk meets them.
 */
export function makePrunings(db: Db, verifiers: readonly Verifier[], installation: string | null): Prunings {
  const proven: Ranges = [];
  const claimed: Ranges = [];
  const refused: { id: number; ids: Ranges }[] = [];
  const seen = new Set<number>();
  let uncheckable = 0;
  let through = 0;

  const note = async (id: number, payload: unknown) => {
    const pruning = Pruning.safeParse(payload).data;
    const ids = parseRanges(pruning?.ids ?? '');
    if (pruning === undefined || ids === null) return;
    const verifier = verifiers.find((one) => one.id === pruning.key);
    const isOurs =
      pruning.installation === installation &&
      (await selectHashAt(db, pruning.through_seq)) === pruning.hash &&
      (verifier?.isSigned('pruning', factsOf(pruning), pruning.signature) ?? true);
    if (!isOurs) refused.push({ id, ids });
    else {
      if (verifier === undefined) uncheckable++;
      for (const range of ids) addRange(verifier === undefined ? claimed : proven, range);
    }
  };

  const look = async (from: number) => {
    for (let after = from; ; ) {
      const { prunings, last } = await selectPrunings(db, after, ROWS_AT_ONCE);
      for (const { id, payload } of prunings) {
        if (seen.has(id)) continue;
        seen.add(id);
        await note(id, payload);
      }
      if (last === null) return;
      through = after = last;
    }
  };

  const open = (range: Range) => without(range, proven).flatMap((left) => without(left, claimed));

  return {
    async unexplained(range) {
      const from = through;
      if (open(range).length > 0) await look(from);
      // An event that was written before the last look can have been committed after it.
      if (from > 0 && open(range).length > 0) await look(0);
      return open(range);
    },
    unproven: (range) => without(range, proven),
    refused: (id) => refused.find(({ ids }) => ids.some(({ from, to }) => from <= id && id < to))?.id ?? null,
    uncheckable: () => uncheckable,
  };
}
