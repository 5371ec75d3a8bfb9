import { expect, test } from 'vitest';
import { joinTransaction } from '../../src/db/joined.ts';
import { setPaused } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';

const db = useDatabase();

test('a pause that comes into the log between a decision and its end breaks no rule', async () => {
  const { database } = db;
  await openPolicy(database);
  await database.transaction(async (tx) => {
    await proposer(joinTransaction(database, tx).joined)();
    await setPaused(database, true, undefined, 'key:op');
    await sealAll(database);
  });
  expect(await whatIsWrong(database)).toEqual([]);
});
