import type { Database } from '../../src/db/database.ts';

/**
 * Does a statement in a transaction that stays open until it is told to end, as that of a frozen process would.
 * @returns commits it
 */
export async function holding(
  database: Database,
  statement: string,
  values: unknown[] = [],
): Promise<() => Promise<void>> {
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let done = () => {};
  const isDone = new Promise<void>((resolve) => {
    done = resolve;
  });
  const transaction = database.transaction(async (tx) => {
    await tx.query('set local idle_in_transaction_session_timeout = 0');
    await tx.query(statement, values);
    done();
    await released;
  });
  await Promise.race([isDone, transaction]);
  return async () => {
    letGo();
    await transaction;
  };
}
