import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';

const db = useDatabase();
const RACES = partOf(10_000);

test(`completion, cancellation, recovery and a zombie: ${count(RACES)} races settle each mission once`, async () => {
  await openPolicy(db.database);
  const propose = proposer(db.database);
  const other = db.open();
  const worker = await testWorker(db.database);
  const ends = { completed: 0, failed: 0 };
  for (let n = 0; n < RACES; n++) {
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
  expect(ends.completed).toBeGreaterThan(RACES / 100);
  expect(ends.failed).toBeGreaterThan(RACES / 100);
  expect(await whatIsWrong(db.database)).toEqual([]);
  figure(
    'missions settled once, in races of completion, cancel, recovery and a zombie',
    `${count(10_000)} of ${count(10_000)}`,
    `${count(RACES)} of ${count(RACES)} (${count(ends.completed)} completed, ${count(ends.failed)} cancelled)`,
  );
}, 1_800_000);
