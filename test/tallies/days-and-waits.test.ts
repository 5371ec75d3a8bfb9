import { beforeAll, beforeEach, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { readStats } from '../../src/tallies/stats.ts';
import { countOnDemand } from '../../src/tallies/tallies.ts';
import { addWaits, percentile } from '../../src/tallies/waits.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { tamper } from '../support/sealed-log.ts';

const db = useDatabase();
beforeAll(() => openPolicy(db.database, ['analysis', 'content']));
/** Every test counts only what it does. */
beforeEach(async () => {
  await sealAll(db.database);
  await countOnDemand(db.database);
  await db.database.query('delete from ops_tallies');
});

test('a day of 25 hours is one day, and its doubled hour is two hours', async () => {
  const caps = { per_agent: 1_000_000, total: 1_000_000 };
  await setPolicy(db.database, 'daily_caps', { timezone: 'Europe/Berlin', ...caps }, 'test');
  // Summer time ended at 2025-10-26T01:00Z: 02:30 was there twice.
  const times = ['25T21:59', '25T22:00', '26T00:30', '26T01:30', '26T22:59', '26T23:00'];
  for (const time of times) {
    const { proposal } = await proposer(db.database)({ kind: 'deploy' });
    await db.database.transaction((tx) =>
      tamper(
        tx,
        `update ops_events set created_at = '2025-10-${time}:10Z' where proposal_id = '${proposal.id}'`,
      ),
    );
  }
  await sealAll(db.database);
  await countOnDemand(db.database);
  const rows = (grain: string) =>
    db.database.query(
      `select at::text, proposals from ops_tallies where grain = $1 and at < '2025-11-01' order by at`,
      [grain],
    );
  expect(await rows('day')).toEqual([
    { at: '2025-10-25 00:00:00', proposals: 1 },
    { at: '2025-10-26 00:00:00', proposals: 4 },
    { at: '2025-10-27 00:00:00', proposals: 1 },
  ]);
  expect(await rows('minute')).toEqual(
    times.map((time) => ({ at: `2025-10-${time.replace('T', ' ')}:00`, proposals: 1 })),
  );
  await setPolicy(db.database, 'daily_caps', { timezone: 'UTC', ...caps }, 'test');
});

test('a wait begins when a step could first be claimed, and only its first claim ends it', async () => {
  const { database } = db;
  const worker = await testWorker(database);
  const ago = (what: string, seconds: number) =>
    `update ${what} = now() - make_interval(secs => ${seconds}) where`;
  const { proposal, mission } = await proposer(database)({ kind: 'content' });
  const [analyze] = mission?.steps ?? [];
  // Decided 50 s ago, wanted 20 s ago: it waits 20 s.
  await database.query(`${ago('ops_steps set created_at', 50)} proposal_id = $1`, [proposal.id]);
  await database.query(`${ago('ops_proposals set run_at', 20)} id = $1`, [proposal.id]);
  const first = await worker.claimOne();
  await releaseSteps(database, [first], { reason: 'test' });
  await completeSteps(database, [{ ...(await worker.claimOne()), output: 'done' }]);
  // The step before it was completed 5 s ago.
  await database.query(`${ago('ops_steps set completed_at', 5)} id = $1`, [analyze?.id]);
  await worker.claimOne('generate');
  await sealAll(database);

  const { totals } = await readStats(database, 'hour');
  const [row] = await database.query<{ waits: number[] }>(
    `select waits from ops_tallies where grain = 'day'`,
  );
  expect(row?.waits.reduce((sum, count) => sum + count, 0)).toBe(2);
  expect(totals.steps).toBe(1);
  expect(totals.wait_p50_ms).toSatisfy(isNear(5_000));
  expect(totals.wait_p95_ms).toSatisfy(isNear(20_000));
});

test('percentiles of waits stay within a fifth of the truth, also when counts were added', () => {
  expect(percentile([], 0.5)).toBeNull();
  const bucketOf = (ms: number) => Math.floor(4 * Math.log2(Math.max(1, ms)));
  const countsOf = (waits: number[]) => {
    const counts: number[] = [];
    for (const wait of waits) {
      const n = bucketOf(wait);
      while (counts.length <= n) counts.push(0);
      counts[n] = (counts[n] ?? 0) + 1;
    }
    return counts;
  };
  const waits = Array.from({ length: 1_000 }, (_, n) => (n + 1) ** 2);
  const counts = addWaits([countsOf(waits.slice(0, 300)), [], countsOf(waits.slice(300))]);
  for (const share of [0.01, 0.5, 0.95, 1]) {
    const truth = waits[Math.ceil(share * waits.length) - 1] ?? 0;
    expect([share, percentile(counts, share)]).toEqual([share, expect.toSatisfy(isNear(truth))]);
  }
});

function isNear(truth: number) {
  return (ms: number | null) => ms !== null && ms > truth * 0.8 && ms < truth * 1.2;
}
