import { expect, test } from 'vitest';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { approve } from '../../src/loop/decide.ts';
import { RunAt } from '../../src/proposals/schema.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
const HOUR = 3_600_000;

test('a proposal with a time is decided at once and begun then', async () => {
  await openPolicy(db.database);
  const runAt = new Date(Date.now() + HOUR);
  const { proposal, mission } = await proposer(db.database)({ runAt });
  expect(proposal).toMatchObject({ status: 'approved', run_at: runAt });
  const step = mission?.steps[0];
  expect(step).toMatchObject({ status: 'queued', ready: false, available_at: runAt });

  const worker = await testWorker(db.database);
  expect(await worker.claim()).toEqual([]);
  expect((await promoteDelayed(db.database)).nextInMs).toBeGreaterThan(HOUR - 60_000);
  await db.database.query(`update ops_steps set available_at = now() - interval '1 second' where id = $1`, [
    step?.id,
  ]);
  expect((await promoteDelayed(db.database)).promoted).toBe(1);
  expect((await worker.claimOne()).id).toBe(step?.id);
});

test('the other steps wait for the first, and a time that has passed is now', async () => {
  await openPolicy(db.database, ['content']);
  const propose = proposer(db.database);
  const later = await propose({ kind: 'content', runAt: new Date(Date.now() + HOUR) });
  expect(later.mission?.steps.map((step) => step.available_at !== null)).toEqual([true, false, false, false]);
  const past = await propose({ kind: 'content', runAt: new Date(Date.now() - HOUR) });
  expect(past.mission?.steps.map((step) => step.ready)).toEqual([true, false, false, false]);
});

test('what an operator approves later keeps its time', async () => {
  await openPolicy(db.database, []);
  const runAt = new Date(Date.now() + HOUR);
  const { proposal } = await proposer(db.database)({ runAt });
  const { mission } = await approve(db.database, proposal.id, { by: 'test' });
  expect(await getStep(db.database, mission?.steps[0]?.id ?? '')).toMatchObject({
    ready: false,
    available_at: runAt,
  });
});

test.each(['tomorrow', '2026-11-23', '2026-11-23T08:00:00', '9999-01-01T00:00:00Z', '0000-01-01T00:00:00Z'])(
  '%s is no time to begin',
  (text) => {
    expect(RunAt.safeParse(text).success).toBe(false);
  },
);

test('a time is given with its zone', () => {
  const inAnHour = new Date(Date.now() + HOUR).toISOString();
  expect(RunAt.safeParse(inAnHour).success).toBe(true);
  expect(RunAt.safeParse(inAnHour.replace('Z', '+05:30')).success).toBe(true);
});
