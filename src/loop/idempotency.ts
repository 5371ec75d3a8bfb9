import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import type { Candidate, Results } from './admit.ts';
import {
  deleteIdempotency,
  selectIdempotency,
  storeAnswers,
  takeIdempotencyKeys,
} from './idempotency-queries.ts';
import type { Admission, ProposalRequest, StoredAnswer } from './schema.ts';

/** A request that can arrive more than once. */
type Nameable = { id: string; request: Pick<ProposalRequest, 'idempotency'> };

/**
 * Splits a batch into first requests, whose Idempotency-Keys are now taken in this transaction, and repeats.
 * A key that another transaction is taking is waited for, so a repeat always finds the first answer.
 */
export async function separateRepeats<Named extends Nameable>(
  tx: Db,
  batch: Named[],
): Promise<{ fresh: Named[]; repeats: Named[] }> {
  const firstOf = new Map<string, Named>();
  for (const candidate of batch) {
    const name = nameOf(candidate);
    if (name !== null && !firstOf.has(name)) firstOf.set(name, candidate);
  }
  if (firstOf.size === 0) return { fresh: batch, repeats: [] };
  const taken = await takeIdempotencyKeys(tx, [...firstOf.values()].flatMap(idempotencyOf));
  const isFresh = (candidate: Named) => {
    const name = nameOf(candidate);
    return name === null || (taken.has(name) && firstOf.get(name) === candidate);
  };
  return { fresh: batch.filter(isFresh), repeats: batch.filter((candidate) => !isFresh(candidate)) };
}

/** Keeps the answers of the first requests; where nothing was stored, the key is free again. */
export async function keepAnswers(
  tx: Db,
  fresh: Candidate[],
  results: Results,
  toAnswer: (admission: Admission) => StoredAnswer,
): Promise<void> {
  const answers = [];
  const free = [];
  for (const candidate of fresh) {
    const [named] = idempotencyOf(candidate);
    const result = results.get(candidate.id);
    if (!named || !result) continue;
    if (result instanceof AppError) free.push(named);
    else answers.push({ owner: named.owner, key: named.key, ...toAnswer(result) });
  }
  if (answers.length > 0) await storeAnswers(tx, answers);
  if (free.length > 0) await deleteIdempotency(tx, free);
}

/** The errors of first requests that stored nothing, by the name of their key: what their repeats are told too. */
export function firstErrors(
  fresh: Candidate[],
  outcomes: ReadonlyMap<string, unknown>,
): Map<string, AppError> {
  const errors = new Map<string, AppError>();
  for (const candidate of fresh) {
    const name = nameOf(candidate);
    const outcome = outcomes.get(candidate.id);
    if (name !== null && outcome instanceof AppError) errors.set(name, outcome);
  }
  return errors;
}

/** The first answer to each repeat, or the error for a key that was used for another request. */
export async function answersFor(
  tx: Db,
  repeats: Nameable[],
  errors: ReadonlyMap<string, AppError>,
): Promise<Map<string, StoredAnswer | AppError>> {
  const named = repeats.flatMap(idempotencyOf);
  const rows = named.length > 0 ? await selectIdempotency(tx, named) : [];
  const rowOf = new Map(rows.map((row) => [`${row.owner} ${row.idempotency_key}`, row]));
  return new Map(
    repeats.map((candidate): [string, StoredAnswer | AppError] => {
      const row = rowOf.get(nameOf(candidate) ?? '');
      if (row?.status == null) return [candidate.id, errors.get(nameOf(candidate) ?? '') ?? notStored()];
      if (row.request_digest !== candidate.request.idempotency?.digest)
        return [candidate.id, mismatch(row.idempotency_key)];
      return [candidate.id, { status: row.status, answer: row.answer }];
    }),
  );
}

function idempotencyOf({ request }: Nameable) {
  return request.idempotency ? [request.idempotency] : [];
}

function nameOf({ request: { idempotency } }: Nameable): string | null {
  return idempotency ? `${idempotency.owner} ${idempotency.key}` : null;
}

function mismatch(key: string): AppError {
  return new AppError(
    'idempotency_mismatch',
    `The Idempotency-Key "${key}" was used for another request in the last 7 days. Use a new key for a new request.`,
    { details: { idempotency_key: key } },
  );
}

/** The first request of the same key failed and stored nothing. */
function notStored(): AppError {
  return new AppError('conflict', 'A request with the same Idempotency-Key failed just now; send it again.', {
    retryAfter: 1,
  });
}
