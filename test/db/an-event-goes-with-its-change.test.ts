import { expect, test } from 'vitest';
import { setAgent } from '../../src/agents/agents.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { registerWorker } from '../../src/engine/workers.ts';
import { createKey } from '../../src/keys/keys.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { add } from '../support/schedules.ts';

const db = useDatabase();

/** Everything but the commit works: whatever is written in the transaction goes with it, and nothing else is left. */
async function refuseCommits(table: string, isRefused: boolean): Promise<void> {
  await db.database.query(
    isRefused
      ? `create constraint trigger refused after insert or update or delete on ${table}
         deferrable initially deferred for each row execute function refuse_commit()`
      : `drop trigger refused on ${table}`,
  );
}

test('what does not commit leaves neither a change nor an event, whatever it is', async () => {
  const { database } = db;
  await database.query(`create function refuse_commit() returns trigger language plpgsql as
    $$ begin raise exception 'the commit is refused'; end $$`);
  await openPolicy(database, ['analysis']);
  const propose = proposer(database);
  const worker = await testWorker(database);
  const pending = (await propose({ kind: 'content' })).proposal.id;
  const running = (await propose()).mission?.mission.id ?? '';
  const claim = await worker.claimOne();
  await propose();
  const failure = { class: 'error' as const, message: 'x' };
  const changes: [string, string, () => Promise<unknown>][] = [
    ['propose', 'ops_proposals', () => propose()],
    ['approve', 'ops_proposals', () => approve(database, pending, { by: 'key:op' })],
    ['reject', 'ops_proposals', () => reject(database, pending, { by: 'key:op' })],
    ['claim', 'ops_steps', () => worker.claimOne()],
    ['complete', 'ops_steps', () => completeSteps(database, [{ ...claim, output: 1 }])],
    ['release', 'ops_steps', () => releaseSteps(database, [claim], { reason: 'shutdown' })],
    [
      'fail',
      'ops_steps',
      () => database.transaction((tx) => failStep(tx, { ...claim, failure, final: false, retryInMs: 0 })),
    ],
    [
      'recover',
      'ops_steps',
      () => database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} })),
    ],
    ['cancel', 'ops_missions', () => cancelMission(database, running, { by: 'key:op' })],
    ['policy', 'ops_policy', () => setPolicy(database, 'tweet_quota', { max_per_day: 1 }, 'key:op')],
    ['agent', 'ops_agent_config', () => setAgent(database, 'fresh', {}, 'key:op')],
    ['key', 'ops_api_keys', () => createKey(database, { name: 'k', scopes: ['read'] }, 'key:op')],
    ['schedule', 'ops_schedules', () => add(database, { every_seconds: 60 })],
    [
      'worker',
      'ops_workers',
      () => registerWorker(database, { workerId: 'w', host: 'h', pid: 1, version: '0', kinds: {} }),
    ],
  ];
  const state = async () =>
    database.query(
      `select (select count(*) from ops_events) as events, (select jsonb_agg(status order by id) from ops_steps) as steps,
         (select jsonb_agg(status order by id) from ops_proposals) as proposals,
         (select jsonb_agg(value order by key) from ops_policy) as policy`,
    );
  for (const [name, table, change] of changes) {
    const before = await state();
    await refuseCommits(table, true);
    await expect(change(), name).rejects.toThrow(/commit is refused/);
    await refuseCommits(table, false);
    expect([name, await state()]).toEqual([name, before]);
  }
});
