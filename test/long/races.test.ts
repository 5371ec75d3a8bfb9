import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();

test('a cap of 10 admits exactly 10 of 100 racers through two servers, 100 times', async () => {
  await openPolicy(db.database);
  const servers = [proposer(db.open()), proposer(db.open())] as const;
  for (let round = 0; round < 100; round++) {
    const kind = `race${round}`;
    await setPolicy(db.database, 'kind_caps', { [kind]: 10 }, 'test');
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => servers[n % 2 === 0 ? 0 : 1]({ kind })),
    );
    expect(results.filter((result) => result.refusal === null)).toHaveLength(10);
  }
});

test('completion, cancellation, recovery and a zombie: 1,000 races settle each mission once', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const other = db.open();
  const worker = await testWorker(db.database);
  const ends = { completed: 0, failed: 0 };
  for (let n = 0; n < 1_000; n++) {
    const { mission } = await propose();
    const id = mission?.mission.id ?? '';
    const claim = await worker.claimOne();
    const done = { ...claim, output: n };
    const racers = [
      () => completeSteps(db.database, [done]),
      () => cancelMission(other, id, { by: 'key:op' }),
      () =>
        other.transaction((tx) =>
          recoverSteps(tx, { why: 'stale', afterMinutes: n % 2 ? -1 : 30, perKind: {} }),
        ),
      () => completeSteps(other, [done]),
    ];
    // Each of them gets its turn to begin, and to begin alone by a little.
    const order = [...racers.slice(n % 4), ...racers.slice(0, n % 4)];
    const [first, ...rest] = order;
    const ahead = Promise.allSettled([first?.()]);
    if (n % 3 === 0) await db.database.query('select 1');
    await Promise.allSettled([ahead, ...rest.map((racer) => racer())]);
    // What recovery gave back is still open; a fresh claim settles it.
    for (const again of await worker.claim()) await completeSteps(db.database, [{ ...again, output: n }]);
    const events = await db.database.query<{ kind: string }>(
      `select kind from ops_events where entity_id = $1 and kind in ('mission.completed', 'mission.failed')`,
      [id],
    );
    expect(events).toHaveLength(1);
    if (events[0]?.kind === 'mission.completed') ends.completed++;
    else ends.failed++;
  }
  // A quarter of the races begins with a cancellation, so both ends happen often.
  expect(ends.completed).toBeGreaterThan(10);
  expect(ends.failed).toBeGreaterThan(10);
});

test('10,000 zombies store nothing', async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const worker = await testWorker(db.database);
  let attempts = 0;
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 500 }, () => propose({ agentId: 'ops' })));
    const lost = await worker.claim('analyze', 500);
    await db.database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
    const fresh = await worker.claim('analyze', 500);
    const late = await completeSteps(
      db.database,
      lost.map((claim) => ({ ...claim, output: 'zombie' })),
    );
    expect(late.size).toBe(0);
    attempts += lost.length;
    await completeSteps(
      db.database,
      fresh.map((claim) => ({ ...claim, output: 'mine' })),
    );
  }
  expect(attempts).toBe(10_000);
  expect(await db.database.query(`select from ops_steps where output = '"zombie"'`)).toEqual([]);
});
