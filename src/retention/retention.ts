import type { Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { ensureLogKey, type LogKey } from '../events/proof/key.ts';
import { lastSignedHead } from '../events/proof/sign.ts';
import { readPolicyKey } from '../policy/policy.ts';
import { dropLeftovers, dropLoose, type Loose } from './leftovers.ts';
import { selectCutoff } from './thread-queries.ts';
import { dropThreads, type Round } from './threads.ts';

/** A beat waits for its actions, so what does not fit into this is left to the next one. */
const BUDGET_MS = 10_000;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

export type Dropped = {
  proposals: number;
  events: number;
  workers: number;
  transactions: number;
  /** Time was up, or another process is at it; the next beat goes on. */
  more: boolean;
};

/**
 * Drops what policy does not keep any longer, in many small transactions, the oldest first.
 * @throws AppError log_damaged when the log is not the one that was signed; or when an event is not what was sealed:
 *   then its thread is kept, and everything else is dropped
 */
export async function dropOld(database: Database, home: string): Promise<Record<string, unknown>> {
  const { keep_days: days } = await readPolicyKey(database, 'retention');
  if (days === null) return { keep_days: null };
  const { problem } = await lastSignedHead(database, home);
  if (problem !== null) throw new AppError('log_damaged', `Nothing is dropped so long: ${problem}`);
  const before = await selectCutoff(database, days);
  const reason = `it ended more than ${days} ${days === 1 ? 'day' : 'days'} ago`;
  const key = await ensureLogKey(home);
  return { keep_days: days, ...(await dropBefore(database, key, { before, reason })) };
}

/** The same up to a given time. */
export async function dropBefore(
  database: Database,
  key: LogKey,
  given: { before: Date; reason: string },
  budgetMs: number = BUDGET_MS,
): Promise<Dropped> {
  const tally = makeTally(budgetMs);
  for (let after: string | null = LOWEST_ID; after !== null; ) {
    const round: Round | null = await dropThreads(database, key, { ...given, after });
    if (!tally.add(round)) return tally.tell();
    after = round.next;
  }
  let throughId = 0;
  for (let afterId: number | null = 0; afterId !== null; ) {
    const loose: Loose | null = await dropLoose(database, key, { ...given, afterId });
    if (!tally.add(loose)) return tally.tell();
    throughId = loose.throughId;
    afterId = loose.next;
  }
  tally.add(await dropLeftovers(database, key, { ...given, throughId }));
  return tally.tell();
}

type Part = { events: number; proposals?: number; workers?: number; damaged: number | null };

function makeTally(budgetMs: number) {
  const until = performance.now() + budgetMs;
  const sum: Dropped = { proposals: 0, events: 0, workers: 0, transactions: 0, more: false };
  let damaged: number | null = null;
  return {
    /** False when it is enough for this time: another process is at it, or time is up. */
    add<T extends Part>(part: T | null): part is T {
      sum.more = part === null || performance.now() > until;
      sum.proposals += part?.proposals ?? 0;
      sum.events += part?.events ?? 0;
      sum.workers += part?.workers ?? 0;
      sum.transactions += part !== null && part.events > 0 ? 1 : 0;
      damaged ??= part?.damaged ?? null;
      return !sum.more;
    },
    tell(): Dropped {
      if (damaged === null) return sum;
      throw new AppError(
        'log_damaged',
        `Event ${damaged} is not what was sealed, so what belongs to it is kept. \`opsloop events verify\` says more.`,
        { details: { event_id: damaged, ...sum } },
      );
    },
  };
}
