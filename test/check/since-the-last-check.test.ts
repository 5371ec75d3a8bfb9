import { expect, test } from 'vitest';
import { checkHistory } from '../../src/check/check.ts';
import { readCheckpoint, writeCheckpoint } from '../../src/check/checkpoint.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { useDatabase } from '../support/database.ts';
import { sentences } from '../support/history.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();
const home = emptyHome();

test('a check from the last checkpoint on replays what something happened to since, sealed or not', async () => {
  const { database } = db;
  await openPolicy(database);
  const propose = proposer(database);
  const untouched = (await propose()).proposal.id;
  const worker = await testWorker(database);
  await worker.claimOne();
  await propose();
  await sealAll(database);
  expect(await readCheckpoint(database, home)).toBeNull();
  const { log } = await checkHistory(database, { home });
  if (log.head === null) throw new Error('nothing is sealed');
  await writeCheckpoint(home, log.head);
  const since = await readCheckpoint(database, home);
  expect(since).toMatchObject(log.head);

  // One goes on and is sealed, one is new and is not.
  const claim = await worker.claimOne();
  await completeSteps(database, [{ ...claim, output: 1 }]);
  await sealAll(database);
  const fresh = (await propose()).proposal.id;
  await database.query(`update ops_proposals set title = 'forged'`);
  const report = await checkHistory(database, { home, sinceSeq: since?.seq });
  expect(report.threads).toBe(2);
  const forged = sentences(report).filter((line) => line.includes('forged'));
  expect(forged.map((line) => line.split(' ')[2])).toEqual([`${claim.proposal_id}:`, `${fresh}:`].sort());
  expect(sentences(await checkHistory(database, { home })).join()).toContain(untouched);
});

test('a checkpoint of another log is none', async () => {
  await writeCheckpoint(home, { seq: 1, hash: '0'.repeat(64) });
  expect(await readCheckpoint(db.database, home)).toBeNull();
});
