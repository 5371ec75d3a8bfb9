import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { failStep } from '../../src/engine/fail.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { buryDeadWorkers, renewLease } from '../../src/engine/workers.ts';
import { getMission } from '../../src/missions/missions.ts';
import { getProposal } from '../../src/proposals/proposals.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();

async function kill(workerId: string): Promise<void> {
  await db.database.query(
    `update ops_workers set lease_expires_at = clock_timestamp() - interval '1 second' where worker_id = $1`,
    [workerId],
  );
}

/** The server just started for this test run, which alone would give every lease a fresh period. */
async function buryOnly(workerId: string): Promise<void> {
  await db.database.query(
    `update ops_workers set ended_at = clock_timestamp(), ended_as = 'died' where worker_id = $1`,
    [workerId],
  );
}

test('the steps of a dead worker are taken back, and it can claim nothing more', async () => {
  await openPolicy(db.database);
  await proposer(db.database)();
  const worker = await testWorker(db.database);
  const claim = await worker.claimOne();
  await buryOnly(worker.workerId);

  expect(await db.database.transaction((tx) => recoverSteps(tx, { why: 'worker_died' }))).toEqual({
    requeued: 1,
    failed: 0,
  });
  expect(await getStep(db.database, claim.id)).toMatchObject({
    status: 'queued',
    ready: true,
    failures: 1,
    worker_id: null,
  });
  expect((await renewLease(db.database, worker.workerId, [claim])).alive).toBe(false);
  expect(await worker.claim()).toEqual([]);
  await (await testWorker(db.database)).claimOne();
});

test('leases are judged by the database clock, and a restart of the database gives them a fresh period', async () => {
  const worker = await testWorker(db.database);
  await kill(worker.workerId);
  const isYoung = async () => {
    const [server] = await db.database.query<{ young: boolean }>(
      `select clock_timestamp() < pg_postmaster_start_time() + interval '10 seconds' as young`,
    );
    return server?.young;
  };
  const before = await isYoung();
  const dead = await db.database.transaction((tx) => buryDeadWorkers(tx));
  // It can come of age in between.
  if (before === (await isYoung())) expect(dead.includes(worker.workerId)).toBe(!before);
});

test('a step longer than the limit is failed and queued again, as one row and two events', async () => {
  await openPolicy(db.database);
  await proposer(db.database)();
  const claim = await (await testWorker(db.database)).claimOne();
  const stale = { why: 'stale', afterMinutes: 30, perKind: {} } as const;
  expect(await db.database.transaction((tx) => recoverSteps(tx, stale))).toEqual({ requeued: 0, failed: 0 });
  await db.database.query(`update ops_steps set claimed_at = now() - interval '31 minutes' where id = $1`, [
    claim.id,
  ]);
  const longer = { ...stale, perKind: { analyze: 60 } };
  expect(await db.database.transaction((tx) => recoverSteps(tx, longer))).toEqual({ requeued: 0, failed: 0 });
  expect(await db.database.transaction((tx) => recoverSteps(tx, stale))).toEqual({ requeued: 1, failed: 0 });
  const events = await db.database.query<{ kind: string; final: string | null }>(
    `select kind, payload ->> 'final' as final from ops_events where entity_id = $1 order by id`,
    [claim.id],
  );
  expect(events.slice(-2)).toEqual([
    { kind: 'step.failed', final: 'false' },
    { kind: 'step.requeued', final: null },
  ]);
  await completeSteps(db.database, [{ ...(await (await testWorker(db.database)).claimOne()), output: null }]);
});

test('at the limit the step fails for good, and its mission and proposal with it', async () => {
  await openPolicy(db.database, ['content']);
  const { proposal, mission } = await proposer(db.database)({ kind: 'content' });
  for (let attempt = 1; attempt <= 3; attempt++) {
    const worker = await testWorker(db.database);
    await worker.claimOne();
    await buryOnly(worker.workerId);
    const recovered = await db.database.transaction((tx) => recoverSteps(tx, { why: 'worker_died' }));
    expect(recovered).toEqual(attempt < 3 ? { requeued: 1, failed: 0 } : { requeued: 0, failed: 1 });
  }
  expect((await getMission(db.database, mission?.mission.id ?? '')).status).toBe('failed');
  expect(await getProposal(db.database, proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'failed',
  });
});

test('500 stale steps and three recoveries at once: each is taken back once', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  await Promise.all(Array.from({ length: 500 }, () => propose({ agentId: 'ops' })));
  const worker = await testWorker(db.database);
  const claims = await worker.claim('analyze', 500);
  await buryOnly(worker.workerId);
  const recoveries = await Promise.all(
    [db.open(), db.open(), db.open()].map((database) =>
      database.transaction((tx) => recoverSteps(tx, { why: 'worker_died' })),
    ),
  );
  expect(recoveries.reduce((sum, one) => sum + one.requeued, 0)).toBe(500);
  const [row] = await db.database.query<{ n: number }>(
    `select count(*)::integer as n from ops_events
     where kind = 'step.requeued' and entity_id = any($1::text[])`,
    [claims.map((claim) => claim.id)],
  );
  expect(row?.n).toBe(500);
});

test('a retry waits for its time and is then promoted', async () => {
  await openPolicy(db.database);
  await db.database.query('update ops_steps set ready = false where ready');
  await proposer(db.database)();
  const worker = await testWorker(db.database);
  const claim = await worker.claimOne();
  await db.database.transaction((tx) =>
    failStep(tx, { ...claim, failure: { class: 'error', message: 'x' }, final: false, retryInMs: 60_000 }),
  );
  expect(await worker.claim()).toEqual([]);
  expect((await promoteDelayed(db.database)).promoted).toBe(0);
  await db.database.query('update ops_steps set available_at = now() where id = $1', [claim.id]);
  expect((await promoteDelayed(db.database)).promoted).toBe(1);
  expect((await worker.claimOne()).attempt).toBe(2);
});
