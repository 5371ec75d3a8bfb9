import type { Database, Db } from '../db/database.ts';
import { isBusy, isUnavailable } from '../db/sqlstate.ts';
import { untilAvailable } from '../db/until-available.ts';
import { type Completion, completeSteps } from '../engine/complete.ts';
import { completedBy, recordLate } from '../engine/late.ts';
import { toError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';

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
  /** The log has said once that a row it needs is held. */
  toldHeld?: boolean;
};

const MOST_PER_BATCH = 500;
/** This many wait before a second statement goes beside the first: two small ones cost more than one. */
const WORTH_A_SECOND = 200;

/**
 * Completes steps in natural batches: what is finished while a statement is under way shares the next one, so
 * an idle system answers at once and a busy one commits rarely.
 */
export function makeFinisher(database: Database, workerId: string, signal: AbortSignal, log: Log): Finisher {
  const queue: Waiting[] = [];
  let working = 0;

  const settle = async (batch: Waiting[]): Promise<void> => {
    try {
      const write = () => persistOnce(database, workerId, batch);
      const kept = await untilAvailable(write, signal, log);
      for (const one of batch) one.resolve(kept.has(one.completion.id) ? 'kept' : 'late');
    } catch (error) {
      if (isUnavailable(error)) for (const one of batch) one.reject(toError(error));
      // One that cannot be stored, or whose mission somebody holds, must not hold up the others.
      else if (batch.length > 1) for (const one of batch) void settleAlone(one);
      else for (const one of batch) void settleAlone(one, error);
    }
  };

  /** Tries again for as long as somebody else holds what it needs. */
  const settleAlone = async (one: Waiting, failed?: unknown): Promise<void> => {
    if (failed !== undefined) {
      if (!isBusy(failed) || signal.aborted) return one.reject(toError(failed));
      if (!one.toldHeld)
        log.warn({ step: one.completion.id }, 'a finished step waits for a row that somebody holds');
      one.toldHeld = true;
      await sleep(1_000, signal);
    }
    await settle([one]);
    database.hints.tell('events');
    database.hints.tell('steps');
  };

  const workOff = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = takeBatch(queue);
      startIfWorth();
      await settle(batch);
      database.hints.tell('events');
      database.hints.tell('steps');
    }
    working--;
  };

  const startIfWorth = () => {
    if (working > 1 || queue.length < (working === 0 ? 1 : WORTH_A_SECOND)) return;
    working++;
    queueMicrotask(() => void workOff());
  };

  return {
    complete: (completion, alongside) =>
      new Promise((resolve, reject) => {
        queue.push({ completion, alongside, resolve, reject });
        startIfWorth();
      }),
  };
}

/** Two attempts of one step are never written together, for the database answers which steps it took. */
function takeBatch(queue: Waiting[]): Waiting[] {
  const ids = new Set<string>();
  const end = queue.findIndex(({ completion: { id } }) => ids.has(id) || !ids.add(id));
  return queue.splice(0, Math.min(end === -1 ? queue.length : end, MOST_PER_BATCH));
}

/** Which ones were kept, by this try or by an earlier one whose answer was lost. */
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
