import { anyProposalStored } from '../proposals/proposals.ts';
import { AmbiguousCommit, type Database, type Db } from '../db/database.ts';
import { brokenConstraint, isUnavailable } from '../db/sqlstate.ts';
import { AppError, toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { uuid7 } from '../lib/uuid7.ts';
import { sleep } from '../lib/wake.ts';
import { SHARE_POLICY } from '../policy/queries.ts';
import { admitAll, type Candidate } from './admit.ts';
import { answersFor, firstErrors, keepAnswers, separateRepeats } from './idempotency.ts';
import type { Admission, ProposalRequest, StoredAnswer } from './schema.ts';

export type Proposed = { admission: Admission } | { repeated: StoredAnswer };

/** The one way in for proposals: gates, caps, storage, and the mission where policy approves, as one commit. */
export type CreateProposal = (request: ProposalRequest) => Promise<Proposed>;

type Outcomes = Map<string, Proposed | Error>;
type Waiting = Candidate & { resolve(result: Proposed): void; reject(error: Error): void };

const MOST_PER_BATCH = 100;
const MOST_TRIES = 12;

/**
 * Requests that arrive while a transaction is under way share the next one, so that a contended counter row
 * costs one commit per batch, and an idle system answers at once.
 * @param toAnswer what a caller is told, so that it can be kept for repeats of the request
 */
export function makeCreateProposal(
  database: Database,
  toAnswer: (admission: Admission) => StoredAnswer,
): CreateProposal {
  const queue: Waiting[] = [];
  let working = false;

  const workOff = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0, MOST_PER_BATCH);
      const outcomes = await runBatch(batch);
      for (const one of batch) {
        const outcome = outcomes.get(one.id) ?? new Error('a proposal got no outcome');
        if (outcome instanceof Error) one.reject(outcome);
        else one.resolve(outcome);
      }
    }
    working = false;
  };

  const runBatch = async (batch: Candidate[]): Promise<Outcomes> => {
    try {
      const outcomes = await commitOnce(database, (tx) => decideAll(tx, batch));
      database.hints.tell('events');
      database.hints.tell('steps');
      return outcomes;
    } catch (thrown) {
      const error = toError(thrown);
      if (batch.length === 1 || error instanceof AppError) return new Map(batch.map(({ id }) => [id, error]));
      // One request must not fail the others of its batch.
      const outcomes: Outcomes = new Map();
      for (const one of batch) for (const [id, outcome] of await runBatch([one])) outcomes.set(id, outcome);
      return outcomes;
    }
  };

  const decideAll = async (tx: Db, batch: Candidate[]): Promise<Outcomes> => {
    const outcomes: Outcomes = new Map();
    const { fresh, repeats } = await separateRepeats(tx, batch);
    if (fresh.length > 0) {
      const results = await admitAll(tx, fresh);
      await keepAnswers(tx, fresh, results, toAnswer);
      for (const [id, result] of results)
        outcomes.set(id, result instanceof Error ? result : { admission: result });
    }
    for (const [id, answer] of await answersFor(tx, repeats, firstErrors(fresh, outcomes))) {
      outcomes.set(id, answer instanceof Error ? answer : { repeated: answer });
    }
    return outcomes;
  };

  return function createProposal(request) {
    return new Promise((resolve, reject) => {
      queue.push({ id: uuid7(), request, resolve, reject });
      if (working) return;
      working = true;
      // A microtask later, so that requests of one tick share a batch.
      queueMicrotask(() => void workOff());
    });
  };
}

/**
 * When the connection breaks during COMMIT, the same transaction is run again. If the first one did commit,
 * the second waits for it and then meets its proposal ids, which were drawn before: that is the answer. A second
 * one that would store nothing looks for them.
 */
async function commitOnce(database: Database, work: (tx: Db) => Promise<Outcomes>): Promise<Outcomes> {
  let decided: Outcomes = new Map();
  let ambiguous = false;
  const remember = async (tx: Db) => {
    const now = await work(tx);
    // What the first try stored is visible by now, for this one waited for its counters.
    const unstored = [...now].filter(([, outcome]) => outcome instanceof Error).map(([id]) => id);
    if (ambiguous && (await anyProposalStored(tx, unstored))) return decided;
    decided = now;
    return now;
  };
  for (let tries = 1; ; tries++) {
    try {
      return await database.transaction(remember, SHARE_POLICY);
    } catch (error) {
      if (ambiguous && brokenConstraint(error) === 'ops_proposals_pkey') return decided;
      ambiguous ||= error instanceof AmbiguousCommit;
      if (!ambiguous || !isUnavailable(error) || tries >= MOST_TRIES) throw error;
      await sleep(jittered(50 * tries));
    }
  }
}
