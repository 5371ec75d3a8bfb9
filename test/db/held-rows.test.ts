import { expect, test } from 'vitest';
import { recoverSteps } from '../../src/engine/recover.ts';
import { silentLog } from '../../src/log.ts';
import { setPaused } from '../../src/policy/policy.ts';
import { getStep } from '../../src/steps/steps.ts';
import { makeFinisher } from '../../src/worker/finisher.ts';
import { useDatabase } from '../support/database.ts';
import { holding } from '../support/holding.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();

test('a counter that somebody holds costs proposers a clear error, and the pause works meanwhile', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  await propose();
  const letGo = await holding(db.open(2), "select from ops_counters where scope = 'total' for update");
  const waiting = propose();
  expect(await setPaused(db.database, true, undefined, 'test')).toMatchObject({ enabled: true });
  await expect(waiting).rejects.toMatchObject({ code: 'database_busy', status: 503, retryAfter: 2 });
  await letGo();
  await setPaused(db.database, false, undefined, 'test');
  expect((await propose()).refusal).toBeNull();
});

test('a transaction that stands still is ended by the server', async () => {
  const standing = db.open(2).transaction(async (tx) => {
    await tx.query("set local idle_in_transaction_session_timeout = '50ms'");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await tx.query('select 1');
  });
  await expect(standing).rejects.toMatchObject({ code: 'database_unavailable' });
});

test('a mission that somebody holds does not hold up the completions of others, and is completed after all', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const worker = await testWorker(db.database);
  const missions = [];
  for (let n = 0; n < 6; n++) missions.push((await propose()).mission?.mission.id ?? '');
  const claims = await worker.claim('analyze', 6);
  const letGo = await holding(db.open(2), 'select from ops_missions where id = $1 for update', [
    claims[0]?.mission_id,
  ]);
  const stop = new AbortController();
  const finisher = makeFinisher(db.database, worker.workerId, stop.signal, silentLog());
  const [held, ...others] = claims.map((claim) => finisher.complete({ ...claim, output: 'done' }));
  expect(await Promise.all(others)).toEqual(['kept', 'kept', 'kept', 'kept', 'kept']);
  await letGo();
  expect(await held).toBe('kept');
});

test('recovery leaves alone what belongs to a mission that somebody holds, and takes back the rest', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const worker = await testWorker(db.database);
  await propose();
  await propose();
  const claims = await worker.claim('analyze', 2);
  const letGo = await holding(db.open(2), 'select from ops_missions where id = $1 for update', [
    claims[0]?.mission_id,
  ]);
  const stale = { why: 'stale', afterMinutes: -1, perKind: {} } as const;
  expect(await db.database.transaction((tx) => recoverSteps(tx, stale))).toEqual({ requeued: 1, failed: 0 });
  expect((await getStep(db.database, claims[0]?.id ?? '')).status).toBe('running');
  await letGo();
  expect(await db.database.transaction((tx) => recoverSteps(tx, stale))).toEqual({ requeued: 1, failed: 0 });
});

test('a step that somebody holds holds up no claim of the others', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const first = (await propose()).mission?.steps[0]?.id ?? '';
  const second = (await propose()).mission?.steps[0]?.id ?? '';
  const worker = await testWorker(db.database);
  const letGo = await holding(db.open(2), 'select from ops_steps where id = $1 for update', [first]);
  const claimed = await worker.claim('analyze', 100);
  expect(claimed.map(({ id }) => id)).toContain(second);
  expect(claimed.map(({ id }) => id)).not.toContain(first);
  await letGo();
});
