import { expect, test } from 'vitest';
import { insertArtefact } from '../../src/engine/artefacts.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, tamper } from '../support/sealed-log.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { dropEnded, moveInTime, proposalIds } from '../support/retention.ts';

const db = useDatabase();
const home = emptyHome();
const propose = () => proposer(db.database)({ kind: 'deploy' });

/** A proposal that would be dropped. */
async function ended(): Promise<string> {
  const { id } = (await propose()).proposal;
  await reject(db.database, id, { by: 'key:a' });
  return id;
}

/** What is left after dropping, of these and one more that can be dropped. */
async function keptOf(...ids: string[]): Promise<string[]> {
  const control = await ended();
  await dropEnded(db.database, home);
  const left = await proposalIds(db.database);
  expect(left).not.toContain(control);
  return left.filter((id) => ids.includes(id));
}

test('what waits for an operator, and what is being worked, is kept', async () => {
  await openPolicy(db.database);
  const pending = (await propose()).proposal.id;
  const active = (await propose()).proposal.id;
  await approve(db.database, active, { by: 'key:a' });
  expect(await keptOf(pending, active)).toEqual([pending, active]);
});

test('a failed mission that is tried again keeps its thread', async () => {
  const { id } = (await propose()).proposal;
  const { mission } = await approve(db.database, id, { by: 'key:a' });
  await cancelMission(db.database, mission?.mission.id ?? '', { by: 'key:a' });
  await retryMission(db.database, mission?.mission.id ?? '', { by: 'key:a' });
  expect(await keptOf(id)).toEqual([id]);
});

test('an output that is not written yet keeps its thread', async () => {
  const { database } = db;
  const worker = await testWorker(database);
  const { id } = (await proposer(database)({ kind: 'analysis' })).proposal;
  // Steps that earlier tests left ready are not this one's.
  await database.query('update ops_steps set ready = false where proposal_id <> $1', [id]);
  const claim = await worker.claimOne();
  await database.transaction(async (tx) => {
    await completeSteps(tx, [{ ...claim, output: {} }]);
    await insertArtefact(tx, claim, { name: 'late.md', content: 'text' });
  });
  expect(await keptOf(id)).toEqual([id]);
  await database.query(`update ops_artefacts set written_at = now() where name = 'late.md'`);
  expect(await keptOf(id)).toEqual([]);
});

test('what ended lately is kept, and so is a thread in which something has happened lately', async () => {
  const late = await ended();
  await moveInTime(db.database, [late], 10);
  const touched = await ended();
  await db.database.transaction((tx) =>
    tamper(
      tx,
      `update ops_events set created_at = created_at + interval '10 days'
       where id = (select max(id) from ops_events where proposal_id = '${touched}')`,
    ),
  );
  expect(await keptOf(late, touched)).toEqual([late, touched]);
});

test('a table alone proves nothing: without the event of its end a proposal is kept', async () => {
  const { id } = (await propose()).proposal;
  await db.database.query(`update ops_proposals set status = 'rejected', decided_at = now() where id = $1`, [
    id,
  ]);
  expect(await keptOf(id)).toEqual([id]);
});

test('what somebody holds right now is left for later', async () => {
  const id = await ended();
  await db.open(1).transaction(async (tx) => {
    await tx.query('select from ops_proposals where id = $1 for update', [id]);
    expect(await keptOf(id)).toEqual([id]);
  });
  expect(await keptOf(id)).toEqual([]);
});

test('a thread with an event that was altered is kept as evidence, and the action fails', async () => {
  const { database } = db;
  const id = await ended();
  await sealAll(database);
  const [event] = await database.query<{ id: number }>(
    'select max(id) as id from ops_events where proposal_id = $1',
    [id],
  );
  const set = (time: string) =>
    database.transaction((tx) =>
      tamper(tx, `update ops_events set created_at = ${time} where id = ${event?.id}`),
    );
  await set(`created_at - interval '1 day'`);
  const other = await ended();
  await expect(dropEnded(database, home)).rejects.toMatchObject({
    code: 'log_damaged',
    message: expect.stringContaining(`Event ${event?.id} is not what was sealed`),
  });
  const left = await proposalIds(database);
  expect([left.includes(id), left.includes(other)]).toEqual([true, false]);
  await set(`created_at + interval '1 day'`);
  expect(await keptOf(id)).toEqual([]);
});

test('the log still gives the tables after all of this', async () => {
  // Some tests have changed tables by hand.
  const left = (await whatIsWrong(db.database, home)).filter(
    (line) => !/decided_at|written_at|status is "rejected"|claimable/.test(line),
  );
  expect(left).toEqual([]);
});
