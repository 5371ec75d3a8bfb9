import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { AppError } from '../../src/errors.ts';
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
  const takeBack = () =>
    other.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
  const won = { completed: 0, twin: 0, cancelled: 0, recovered: 0 };
  let afresh = 0;
  for (let n = 0; n < RACES; n++) {
    const { mission } = await propose();
    const id = mission?.mission.id ?? '';
    // Whoever held the step first has lost it, and tries all the same.
    const lost = await worker.claimOne();
    expect(await takeBack()).toMatchObject({ requeued: 1 });
    const claim = await worker.claimOne();
    expect(claim.id).toBe(lost.id);
    const done = { ...claim, output: n };
    let zombies = 0;
    const racers: Record<keyof typeof won, () => Promise<boolean>> = {
      completed: async () => (await completeSteps(db.database, [done])).size === 1,
      cancelled: () => cancelMission(other, id, { by: 'key:op' }).then(() => true, refused),
      recovered: async () => (await takeBack()).requeued === 1,
      twin: async () => (await completeSteps(other, [done])).size === 1,
    };
    const zombie = async () => {
      zombies += (await completeSteps(other, [{ ...lost, output: 'zombie' }])).size;
    };
    // Each of them gets its turn to begin, some by a little before the others, and a few by so much that they win.
    const all = Object.keys(racers) as (keyof typeof won)[];
    // Where nobody cancels, what recovery gave back stays open.
    const names = n % 3 === 0 ? all.filter((name) => name !== 'cancelled') : all;
    const turn = Math.floor(n / 3) % names.length;
    const order = [...names.slice(turn), ...names.slice(0, turn)];
    const race = async (name: keyof typeof won) => ({ name, hasWon: await racers[name]() });
    const [first = 'completed', ...rest] = order;
    const ahead = race(first);
    if (n % 5 === 0) await db.database.query('select 1');
    if (n % 40 < 6) await ahead;
    const [, ...ends] = await Promise.all([zombie(), ahead, ...rest.map(race)]);
    const winners = ends.filter(({ hasWon }) => hasWon).map(({ name }) => name);
    for (const name of winners) won[name]++;
    expect(zombies).toBe(0);
    // What recovery gave back is still open, if nobody cancelled it; a fresh claim settles it.
    const again = await worker.claim();
    afresh += again.length;
    for (const fresh of again)
      expect((await completeSteps(db.database, [{ ...fresh, output: n }])).size).toBe(1);
    // Of those that end a mission, one wins.
    expect(winners.filter((name) => name !== 'recovered').length + again.length).toBe(1);
    if (again.length > 0) expect(winners).toEqual(['recovered']);
    const events = await db.database.query<{ kind: string }>(
      `select kind from ops_events where entity_id = $1 and kind in ('mission.completed', 'mission.failed')`,
      [id],
    );
    const isCancelled = winners.includes('cancelled');
    expect(events).toEqual([{ kind: isCancelled ? 'mission.failed' : 'mission.completed' }]);
  }
  // Nobody only ever came too late.
  for (const [name, times] of Object.entries({ ...won, afresh }))
    expect([name, times, times >= RACES / 100]).toEqual([name, times, true]);
  expect(await whatIsWrong(db.database)).toEqual([]);
  figure(
    'missions settled once, in races of completion, its twin, cancel and recovery, with a zombie in each',
    `${count(10_000)} of ${count(10_000)}`,
    `${count(RACES)} of ${count(RACES)} (won by completion ${count(won.completed)}, its twin ${count(won.twin)}, cancel ${count(won.cancelled)}, a fresh claim after recovery ${count(afresh)})`,
  );
}, 1_800_000);

/** A mission that has ended cannot be cancelled; any other error is a mistake. */
function refused(thrown: unknown): boolean {
  if (thrown instanceof AppError && thrown.code === 'conflict') return false;
  throw thrown;
}
