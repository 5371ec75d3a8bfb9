import type { Db } from '../../db/database.ts';
import { AppError, toError } from '../../errors.ts';
import { appendHead, type Head, headsFile, readLastHead, type SignedHead, signHead } from './heads.ts';
import { ensureLogKey } from './key.ts';
import { selectChainEnd, selectHashAt } from './queries.ts';

export { type ChainEnd, selectChainEnd } from './queries.ts';

/**
 * Signs where the chain ends now, and keeps that in the home. First it looks whether the chain still contains the
 * last head: one that does not is not signed over, so that nobody's rewriting becomes the new truth by waiting.
 * @throws AppError log_damaged
 */
export async function signChainEnd(db: Db, home: string): Promise<Record<string, unknown>> {
  const end = await selectChainEnd(db);
  const last = await readLastHead(home);
  const problem = last && (await problemOf(db, home, last));
  if (problem) throw new AppError('log_damaged', problem, { details: { seq: last.seq } });
  if (end === null) return { signed: false, seq: last?.seq ?? null };
  if (last !== null && end.seq <= last.seq) return { signed: false, seq: last.seq };
  const key = await ensureLogKey(home);
  await appendHead(home, signHead(key, { seq: end.seq, hash: end.hash }, end.installation));
  return { signed: true, seq: end.seq };
}

/** The last head that this home signed, and what is wrong when the chain does not contain it. */
export async function lastSignedHead(
  db: Db,
  home: string,
): Promise<{ head: Pick<SignedHead, 'seq' | 'at'> | null; problem: string | null }> {
  try {
    const last = await readLastHead(home);
    if (last === null) return { head: null, problem: null };
    return { head: { seq: last.seq, at: last.at }, problem: await problemOf(db, home, last) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    return { head: null, problem: `${headsFile(home)} cannot be read: ${toError(error).message}` };
  }
}

/** Whether the chain has this hash at this place. */
export async function isInChain(db: Db, { seq, hash }: Head): Promise<boolean> {
  return (await selectHashAt(db, seq)) === hash;
}

async function problemOf(db: Db, home: string, last: SignedHead): Promise<string | null> {
  if (await isInChain(db, last)) return null;
  return `The event log is not the one that this home signed at ${last.at}, up to event ${last.seq}: the database was put back to an older state, or its log was rewritten, or it is another database. \`opsloop events verify\` says more. If it was you, move ${headsFile(home)} aside.`;
}
