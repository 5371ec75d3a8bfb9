import { beforeAll, expect, test } from 'vitest';
import { insertArtefact, markWritten } from '../../src/engine/artefacts.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { reject } from '../../src/loop/decide.ts';
import { readLoop } from '../../src/overview/counts.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database, ['analysis', 'content']));

const exactly = (count: number) => ({ count, more: false });

test('the loop is counted where it is', async () => {
  const { database } = db;
  const propose = proposer(database);
  const worker = await testWorker(database);
  await propose({ kind: 'deploy' });
  await reject(database, (await propose({ kind: 'deploy' })).proposal.id, { by: 'key:a' });
  await propose({ kind: 'content' });
  await propose({ runAt: new Date(Date.now() + 60_000) });
  for (let n = 0; n < 3; n++) await propose();
  const claim = await worker.claimOne();
  await worker.claimOne();
  await completeSteps(database, [{ ...claim, output: 'done' }]);
  for (const name of ['a.md', 'b.md'])
    await database.transaction(async (tx) => {
      const step = await worker.claimOne();
      await insertArtefact(tx, step, { name, content: 'text' });
    });
  await markWritten(database, 'a.md');
  await sealAll(database);

  const loop = await readLoop(database);
  expect(loop).toMatchObject({
    day: new Date(loop.through).toISOString().slice(0, 10),
    proposals: { pending: exactly(1), admitted_today: 7, rejected_today: 1 },
    outputs: { unwritten: exactly(1), published_today: 1 },
  });
  const stepsOf = (kind: string) => loop.steps.find((row) => row.kind === kind);
  // Content's first step was claimed and completed, or is one of those that run: it is the oldest of all.
  expect(stepsOf('generate')).toMatchObject({ ready: exactly(1), waiting: exactly(0), running: exactly(0) });
  expect(stepsOf('review')).toMatchObject({ waiting: exactly(1), ready: exactly(0) });
  expect(stepsOf('analyze')).toEqual({
    kind: 'analyze',
    ready: exactly(0),
    delayed: exactly(1),
    waiting: exactly(0),
    running: exactly(3),
  });
  expect(loop.missions.active).toEqual(exactly(5));
});

test('a large backlog is counted up to a bound, and says so', async () => {
  await db.database.query(
    `insert into ops_steps (kind, title, agent_id, status, ready)
     select 'flood', 'waits', 'agent-' || n % 50, 'queued', true from generate_series(1, 10001) as n`,
  );
  const { steps } = await readLoop(db.database);
  expect(steps.find((row) => row.kind === 'flood')?.ready).toEqual({ count: 10_000, more: true });
});
