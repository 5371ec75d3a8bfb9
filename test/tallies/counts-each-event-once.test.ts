import { beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recordCalls } from '../../src/engine/tokens.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { reject } from '../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import { FIGURES } from '../../src/tallies/schema.ts';
import { countedThrough, countForBeat, countOnDemand } from '../../src/tallies/tallies.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database));

type Row = Record<string, unknown> & { grain: string; agent_id: string; waits: number[] };

const rowsOf = (grain: 'minute' | 'day'): Promise<Row[]> =>
  db.database.query<Row>(
    `select grain, agent_id, sum(proposals)::integer as proposals, sum(rejected)::integer as rejected,
       sum(succeeded)::integer as succeeded, sum(failed)::integer as failed, sum(cancelled)::integer as cancelled,
       sum(steps)::integer as steps, sum(step_failures)::integer as step_failures,
       sum(tokens_in)::integer as tokens_in, sum(tokens_out)::integer as tokens_out,
       sum(cost_microusd)::integer as cost_microusd
     from ops_tallies where grain = $1 group by grain, agent_id order by agent_id`,
    [grain],
  );
const allRows = () =>
  db.database.query(
    `select grain, at::text, agent_id, ${FIGURES.join(', ')}, waits from ops_tallies order by 1, 2, 3`,
  );
const failFor = (claim: Claim, final: boolean) =>
  db.database.transaction((tx) =>
    failStep(tx, { ...claim, failure: { class: 'error', message: 'x' }, final, retryInMs: 0 }),
  );

test('what happened is counted by minute, and by day and agent', async () => {
  const { database } = db;
  const propose = proposer(database);
  const worker = await testWorker(database);

  await propose({ agentId: 'pm' });
  const succeeding = await worker.claimOne();
  await recordCalls(database, succeeding, [call(10, 5, 0.0125), call(null, 7)]);
  await completeSteps(database, [{ ...succeeding, output: 'done' }]);

  const { proposal } = await propose({ agentId: 'qa', kind: 'deploy' });
  await reject(database, proposal.id, { by: 'key:a' });

  // Fails once, fails for good, and is tried again with success.
  const failing = await propose({ agentId: 'coder' });
  await failFor(await worker.claimOne(), false);
  await promoteDelayed(database);
  await failFor(await worker.claimOne(), true);
  await retryMission(database, failing.mission?.mission.id ?? '', { by: 'key:a' });
  await completeSteps(database, [{ ...(await worker.claimOne()), output: 'done' }]);

  // Cancelling fails its running step, which is no failure of an attempt.
  const cancelled = await propose({ agentId: 'coder' });
  await worker.claimOne();
  await cancelMission(database, cancelled.mission?.mission.id ?? '', { by: 'key:a' });

  await sealAll(database);
  await countOnDemand(database);
  const nothing = { rejected: 0, succeeded: 0, failed: 0, cancelled: 0, steps: 0, step_failures: 0 };
  const noTokens = { tokens_in: 0, tokens_out: 0, cost_microusd: 0 };
  const coder = {
    ...nothing,
    ...noTokens,
    succeeded: 1,
    failed: 1,
    cancelled: 1,
    steps: 1,
    step_failures: 2,
  };
  expect(await rowsOf('day')).toEqual([
    { grain: 'day', agent_id: 'coder', proposals: 2, ...coder },
    // What belongs to nobody (policy, workers) is not counted.
    {
      grain: 'day',
      agent_id: 'pm',
      proposals: 1,
      ...nothing,
      succeeded: 1,
      steps: 1,
      tokens_in: 10,
      tokens_out: 12,
      cost_microusd: 12_500,
    },
    { grain: 'day', agent_id: 'qa', proposals: 1, ...nothing, ...noTokens, rejected: 1 },
  ]);
  expect(await rowsOf('minute')).toEqual([
    {
      grain: 'minute',
      agent_id: '',
      proposals: 4,
      rejected: 1,
      succeeded: 2,
      failed: 1,
      cancelled: 1,
      steps: 2,
      step_failures: 2,
      tokens_in: 10,
      tokens_out: 12,
      cost_microusd: 12_500,
    },
  ]);
});

test('however many processes count at once, each event is counted once; counting the log anew gives the same', async () => {
  const processes = [db.database, db.open(4), db.open(4)];
  const propose = proposer(db.database);
  for (let round = 0; round < 15; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, n) => propose({ agentId: n % 2 ? 'pm' : 'qa' })));
    while ((await sealOnce(db.database)) > 0);
    await Promise.all(processes.flatMap((one) => [countOnDemand(one), countOnDemand(one)]));
  }
  await sealAll(db.database);
  await countOnDemand(db.database);
  const [log] = await db.database.query<{ made: number }>(
    `select count(*)::integer as made from ops_events where kind = 'proposal.created'`,
  );
  const [minute] = await rowsOf('minute');
  expect(minute?.proposals).toBe(log?.made);
  expect((await rowsOf('day')).reduce((sum, row) => sum + Number(row.proposals), 0)).toBe(log?.made);

  const counted = await allRows();
  await db.database.query('delete from ops_tallies');
  await db.database.query('update ops_tally_place set seq = 0');
  await countOnDemand(db.database);
  expect(await allRows()).toEqual(counted);
});

test('while another process counts, nobody waits for it', async () => {
  await proposer(db.database)();
  await sealAll(db.database);
  await holdingPlace(db.open(1), async () => {
    expect(await countOnDemand(db.database)).toBe(0);
    const { now, through } = await countedThrough(db.database);
    expect(through.getTime()).toBeLessThan(now.getTime());
  });
  expect(await countOnDemand(db.database)).toBeGreaterThan(0);
  expect(await countOnDemand(db.database)).toBe(0);
});

test('readers of one process that ask at once all get what was counted for the first', async () => {
  await proposer(db.database)();
  await sealAll(db.database);
  const proposals = async () => {
    await countOnDemand(db.database);
    return (await rowsOf('day')).reduce((sum, row) => sum + Number(row.proposals), 0);
  };
  const [before] = await db.database.query<{ count: number }>(
    'select sum(proposals)::integer as count from ops_tallies where grain = $1',
    ['day'],
  );
  expect(await Promise.all([proposals(), proposals(), proposals()])).toEqual(
    Array.from({ length: 3 }, () => (before?.count ?? 0) + 1),
  );
});

test('a beat counts, and drops minutes after 2 days; days stay', async () => {
  await db.database.query(
    `insert into ops_tallies (grain, at, agent_id, ${FIGURES.join(', ')}, waits)
     select grain, now() at time zone 'UTC' - age::interval, 'old', ${FIGURES.map(() => 1).join(', ')}, '{}'
     from unnest(array['minute', 'day']) as grain, unnest(array['2 days 1 minute', '1 day 23 hours']) as age`,
  );
  await proposer(db.database)();
  await sealAll(db.database);
  const { counted, minutes_dropped } = await countForBeat(db.database);
  expect([counted > 0, minutes_dropped]).toEqual([true, 1]);
  const left = await db.database.query<{ grain: string }>(
    `select grain from ops_tallies where agent_id = 'old' order by grain`,
  );
  expect(left.map((row) => row.grain)).toEqual(['day', 'day', 'minute']);
});

function call(inputTokens: number | null, outputTokens: number | null, costUsd: number | null = null) {
  const unknown = { provider: null, model: null, firstTokenMs: null, loadMs: null };
  return {
    engine: 'test',
    ...unknown,
    inputTokens,
    outputTokens,
    costUsd,
    durationMs: 1,
    outcome: 'completed',
  };
}

/** As if another process were in the middle of counting. */
async function holdingPlace(other: Database, work: () => Promise<void>): Promise<void> {
  await other.transaction(async (tx) => {
    await tx.query('select from ops_tally_place for update');
    await work();
  });
}
