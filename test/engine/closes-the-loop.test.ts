import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { getMission } from '../../src/missions/missions.ts';
import { getProposal } from '../../src/proposals/proposals.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();

test('a proposal becomes a mission whose steps run in order, and ends when the last one is completed', async () => {
  await openPolicy(db.database, ['content']);
  const { proposal, mission } = await proposer(db.database)({ kind: 'content' });
  expect(proposal.status).toBe('approved');
  expect(mission?.steps.map((step) => [step.kind, step.ready])).toEqual([
    ['analyze', true],
    ['generate', false],
    ['review', false],
    ['publish', false],
  ]);

  const worker = await testWorker(db.database);
  for (const kind of ['analyze', 'generate', 'review', 'publish']) {
    expect((await getMission(db.database, mission?.mission.id ?? '')).status).toBe('active');
    const claim = await worker.claimOne(kind);
    expect(await completeSteps(db.database, [{ ...claim, output: { text: kind } }])).toEqual(
      new Set([claim.id]),
    );
  }
  expect((await getMission(db.database, mission?.mission.id ?? '')).status).toBe('completed');
  expect(await getProposal(db.database, proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'succeeded',
  });

  const kinds = await db.database.query<{ kind: string }>(
    'select kind from ops_events where proposal_id = $1 order by id',
    [proposal.id],
  );
  expect(kinds.map((event) => event.kind)).toEqual([
    'proposal.created',
    'proposal.approved',
    'mission.created',
    ...['analyze', 'generate', 'review', 'publish'].flatMap(() => ['step.started', 'step.completed']),
    'mission.completed',
    'proposal.completed',
  ]);
});
