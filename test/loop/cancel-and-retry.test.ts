import { expect, test } from 'vitest';
import { loadBrief } from '../../src/engine/brief.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { cancelMission, retryMission, withSteps } from '../../src/loop/missions.ts';
import { getProposal } from '../../src/proposals/proposals.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
const done = (claim: { id: string; claim_id: string }) =>
  completeSteps(db.database, [{ ...claim, output: { text: 'x' } }]);

test('cancelling fails what is left, and the late worker writes nothing', async () => {
  await openPolicy(db.database, ['content']);
  const { proposal, mission } = await proposer(db.database)({ kind: 'content' });
  const worker = await testWorker(db.database);
  const claim = await worker.claimOne();
  const cancelled = await cancelMission(db.database, mission?.mission.id ?? '', {
    by: 'key:ann',
    reason: 'wrong',
  });

  expect(cancelled.mission).toMatchObject({ status: 'failed', failure: { class: 'cancelled' } });
  expect(cancelled.steps.map((step) => step.status)).toEqual(['failed', 'failed', 'failed', 'failed']);
  expect(await getProposal(db.database, proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'cancelled',
  });
  expect(await done(claim)).toEqual(new Set());
  await expect(
    cancelMission(db.database, mission?.mission.id ?? '', { by: 'key:ann' }),
  ).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('completing against cancelling settles the mission exactly once, in 100 races', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const other = db.open();
  const worker = await testWorker(db.database);
  for (let n = 0; n < 100; n++) {
    const { mission } = await propose();
    const id = mission?.mission.id ?? '';
    const claim = await worker.claimOne();
    const [completed, cancelled] = await Promise.allSettled([
      done(claim),
      cancelMission(other, id, { by: 'key:ann' }),
    ]);
    const wasCompleted = completed.status === 'fulfilled' && completed.value.size === 1;
    expect(wasCompleted).toBe(cancelled.status === 'rejected');
    const ends = await db.database.query(
      `select from ops_events where entity_id = $1 and kind in ('mission.completed', 'mission.failed')`,
      [id],
    );
    expect(ends).toHaveLength(1);
  }
});

test('a retry is a linked new mission with the steps that were not completed, which get the outputs of those that were', async () => {
  await openPolicy(db.database, ['content']);
  const { proposal, mission } = await proposer(db.database)({ kind: 'content' });
  const id = mission?.mission.id ?? '';
  const worker = await testWorker(db.database);
  await done(await worker.claimOne('analyze'));
  const broken = await worker.claimOne('generate');
  await db.database.transaction((tx) =>
    failStep(tx, { ...broken, failure: { class: 'refused', message: 'no' }, final: true, retryInMs: 0 }),
  );
  expect((await withSteps(db.database, id)).mission.status).toBe('failed');

  const [first, second] = await Promise.allSettled([
    retryMission(db.database, id, { by: 'key:ann' }),
    retryMission(db.open(), id, { by: 'key:bob' }),
  ]);
  const retries = [first, second].flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(retries).toHaveLength(1);
  expect(retries[0]?.mission.retry_of).toBe(id);
  expect(retries[0]?.steps.map((step) => step.kind)).toEqual(['generate', 'review', 'publish']);

  const again = await worker.claimOne('generate');
  expect((await loadBrief(db.database, again)).prior).toEqual([
    { kind: 'analyze', title: expect.any(String), output: { text: 'x' } },
  ]);
  await done(again);
  await done(await worker.claimOne('review'));
  await done(await worker.claimOne('publish'));
  expect(await getProposal(db.database, proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'succeeded',
  });
  await expect(
    retryMission(db.database, retries[0]?.mission.id ?? '', { by: 'key:ann' }),
  ).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('while the end of its task file is still being written, a mission is not retried', async () => {
  await openPolicy(db.database, ['task']);
  const { proposal, mission } = await proposer(db.database)({ kind: 'task' });
  const claim = await (await testWorker(db.database)).claimOne('task');
  await db.database.transaction((tx) =>
    failStep(tx, { ...claim, failure: { class: 'error', message: 'x' }, final: true, retryInMs: 0 }),
  );
  await db.database.query(
    `with w as (insert into ops_workspaces (id, path, mode) values (gen_random_uuid(), '/nowhere', 'process') returning id)
     insert into ops_files (id, workspace_id, name, form, status, digest, agent_id, proposal_id, root_id, result)
     select $1, w.id, 'a.txt', 'task', 'settled', 'd', 'pm', $1, $1, 'failed' from w`,
    [proposal.id],
  );
  const retry = () => retryMission(db.database, mission?.mission.id ?? '', { by: 'key:ann' });
  await expect(retry()).rejects.toMatchObject({ code: 'conflict' });
  await db.database.query("update ops_files set status = 'finished', finished_at = now()");
  await retry();
  expect(await db.database.query('select status from ops_files')).toEqual([{ status: 'taken' }]);
});
