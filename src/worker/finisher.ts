import type { Database, Db } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import { type Completion, completeSteps } from '../engine/complete.ts';
import { completedBy, recordLate } from '../engine/late.ts';
import { toError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';

/** `kept`: the output is stored. `late`: the claim was lost, and an event keeps the evidence. */
export type Finished = 'kept' | 'late';

/** Writes that go with a completion, told whether the claim held. */
export type Alongside = (tx: Db, held: boolean) => Promise<void>;

export type Finisher = {
  /** Resolves when the database has taken it; a database that is away is waited for until the signal aborts. */
  complete(completion: Completion, alongside?: Alongside): Promise<Finished>;
};

type Waiting = {
  completion: Completion;
  alongside: Alongside | undefined;
  resolve(result: Finished): void;
  reject(error: Error): void;
};

const MOST_PER_BATCH = 500;

/**
 * Completes steps in natural batches: what is finished while a statement is under way shares the next one, so
 * an idle system answers at once and a busy one commits rarely.
 */
export function makeFinisher(database: Database, workerId: string, signal: AbortSignal): Finisher {
  const queue: Waiting[] = [];
  let working = false;

  const settle = async (batch: Waiting[]): Promise<void> => {
    try {
      const kept = await persist(database, workerId, batch, signal);
      for (const one of batch) one.resolve(kept.has(one.completion.id) ? 'kept' : 'late');
    } catch (error) {
      if (batch.length === 1 || isUnavailable(error)) {
        for (const one of batch) one.reject(toError(error));
        return;
      }
      // One output that cannot be stored must not fail the others of its batch.
      for (const one of batch) await settle([one]);
    }
  };

  const workOff = async (): Promise<void> => {
    while (queue.length > 0) {
      await settle(takeBatch(queue));
      database.hints.tell('events');
      database.hints.tell('steps');
    }
    working = false;
  };

  return {
    complete: (completion, alongside) =>
      new Promise((resolve, reject) => {
        queue.push({ completion, alongside, resolve, reject });
        if (working) return;
        working = true;
        queueMicrotask(() => void workOff());
      }),
  };
}

/** Two attempts of one step are never written together, for the database answers which steps it took. */
function takeBatch(queue: Waiting[]): Waiting[] {
  const ids = new Set<string>();
  const end = queue.findIndex(({ completion: { id } }) => ids.has(id) || !ids.add(id));
  return queue.splice(0, Math.min(end === -1 ? queue.length : end, MOST_PER_BATCH));
}

/** Tries until the database answers. Which ones were kept, by this try or by an earlier one whose answer was lost. */
async function persist(
  database: Database,
  workerId: string,
  batch: Waiting[],
  signal: AbortSignal,
): Promise<Set<string>> {
  for (;;) {
    try {
      return await persistOnce(database, workerId, batch);
    } catch (error) {
      if (!isUnavailable(error) || signal.aborted) throw error;
      await sleep(500, signal);
    }
  }
}

async function persistOnce(database: Database, workerId: string, batch: Waiting[]): Promise<Set<string>> {
  const completions = batch.map((one) => one.completion);
  const write = async (tx: Db) => {
    const done = await completeSteps(tx, completions);
    const missing = completions.filter((one) => !done.has(one.id));
    // A try whose answer was lost may have done it; then nothing goes alongside any more.
    const earlier = missing.length > 0 ? await completedBy(tx, missing) : new Set<string>();
    for (const one of batch) {
      if (!earlier.has(one.completion.id)) await one.alongside?.(tx, done.has(one.completion.id));
    }
    const kept = new Set([...done, ...earlier]);
    const late = completions.filter((one) => !kept.has(one.id));
    if (late.length > 0) await recordLate(tx, late, workerId);
    return kept;
  };
  return batch.some((one) => one.alongside) ? database.transaction(write) : write(database);
}
