import { beforeEach, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import type { Serving } from '../../src/loop/reasons.ts';
import { readAttention } from '../../src/overview/attention.ts';
import { setPaused, setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
const KINDS = { usesModel: (kind: string) => kind === 'analyze', isOurs: () => true };
const SERVED: Serving = { ...KINDS, unserved: () => null };
const NO_MODEL: Serving = { ...KINDS, unserved: () => 'It waits for a language model.' };
let worker: Awaited<ReturnType<typeof testWorker>>;

/** Every test sees only what it makes. */
beforeEach(async () => {
  await openPolicy(db.database);
  await db.database.query(
    'truncate ops_proposals, ops_missions, ops_steps, ops_artefacts, ops_files, ops_workers',
  );
  worker = await testWorker(db.database);
});

const look = (serving = SERVED) => readAttention(db.database, serving);
const propose = (agentId = 'pm', kind = 'analysis') =>
  proposer(db.database)({ agentId, kind, title: agentId });
/** All steps that wait became claimable longer ago. */
const age = (seconds: number) =>
  db.database.query(`update ops_steps set created_at = now() - make_interval(secs => $1)`, [seconds]);
const failFor = async (final: boolean, retryInMs = 60_000) => {
  const claim = await worker.claimOne();
  const failure = { class: 'error' as const, message: 'no luck' };
  await db.database.transaction((tx) => failStep(tx, { ...claim, failure, final, retryInMs }));
  return claim;
};

test('pending proposals come oldest first, with what moves them', async () => {
  const first = (await propose('pm', 'deploy')).proposal.id;
  const second = (await propose('qa', 'deploy')).proposal.id;
  const { needs_human } = await look();
  expect(needs_human.proposals).toMatchObject([
    {
      id: first,
      agent_id: 'pm',
      kind: 'deploy',
      title: 'pm',
      why: expect.stringContaining(`opsloop approve ${first}`),
    },
    { id: second },
  ]);
  expect(needs_human.more_proposals).toBe(false);
  for (let n = 0; n < 49; n++) await propose('pm', 'deploy');
  const many = (await look()).needs_human;
  expect([many.proposals.length, many.more_proposals]).toEqual([50, true]);
});

test('missions that failed need a human until they are tried again; those that were cancelled never do', async () => {
  const failed = (await propose('pm')).mission?.mission.id ?? '';
  await failFor(true);
  const retried = (await propose('qa')).mission?.mission.id ?? '';
  await failFor(true);
  const cancelled = (await propose('ops')).mission?.mission.id ?? '';
  await cancelMission(db.database, cancelled, { by: 'key:a' });
  const ids = async () => (await look()).needs_human.missions.map((mission) => mission.id);
  expect(await ids()).toEqual([failed, retried]);
  expect((await look()).needs_human.missions[0]).toMatchObject({
    agent_id: 'pm',
    title: 'pm',
    message: 'no luck',
  });
  await retryMission(db.database, retried, { by: 'key:a' });
  expect(await ids()).toEqual([failed]);
  await db.database.query(`update ops_missions set completed_at = now() - interval '8 days' where id = $1`, [
    failed,
  ]);
  expect(await ids()).toEqual([]);
});

test('of many failed missions the oldest come, and it is said that there are more', async () => {
  const fail = (count: number, failure: string) =>
    db.database.query(
      `insert into ops_missions (proposal_id, title, status, completed_at, failure)
       select $1, $3 || n, 'failed', now() - make_interval(mins => 60 - n),
         jsonb_build_object('class', $3::text, 'message', '')
       from generate_series(1, $2::integer) as n`,
      [proposal, count, failure],
    );
  const proposal = (await propose('pm', 'deploy')).proposal.id;
  const shown = async () => {
    const { missions, more_missions } = (await look()).needs_human;
    return [missions.length, missions[0]?.title, more_missions];
  };
  await fail(20, 'step_failed');
  expect(await shown()).toEqual([20, 'step_failed1', false]);
  await fail(1, 'cancelled');
  expect(await shown()).toEqual([20, 'step_failed1', false]);
  await db.database.query(`update ops_missions set failure = '{"class":"step_failed"}'`);
  expect(await shown()).toEqual([20, expect.any(String), true]);
});

test('where not all failed missions were looked at, it is said that there are more', async () => {
  const proposal = (await propose('pm', 'deploy')).proposal.id;
  await db.database.query(
    `insert into ops_missions (proposal_id, title, status, completed_at, failure)
     select $1, 'x', 'failed', now(), '{"class":"cancelled"}' from generate_series(1, 1001)`,
    [proposal],
  );
  expect((await look()).needs_human).toMatchObject({ missions: [], more_missions: true });
});

test('steps that wait for the same are one line, with the longest waiting of them by name', async () => {
  for (let n = 0; n < 40; n++) await propose(n % 2 ? 'pm' : 'qa');
  expect((await look(NO_MODEL)).stuck).toEqual([]);
  const oldest = (await propose('ops')).mission;
  await age(120);
  await db.database.query(`update ops_steps set created_at = now() - interval '1 hour' where id = $1`, [
    oldest?.steps[0]?.id,
  ]);
  // One that is new is not stuck yet.
  await propose('pm');
  const { stuck } = await look(NO_MODEL);
  expect(stuck).toMatchObject([
    { why: 'It waits for a language model.', by: 'operator', at: null, count: 41, more: false },
  ]);
  expect(stuck[0]?.examples).toHaveLength(3);
  expect(stuck[0]?.examples[0]).toMatchObject({ entity: 'mission', id: oldest?.mission.id, agent_id: 'ops' });
});

test('a step waits since the one before it was completed, not since it was made', async () => {
  await openPolicy(db.database, ['content']);
  await propose('pm', 'content');
  const first = await worker.claimOne();
  await completeSteps(db.database, [{ ...first, output: 'done' }]);
  await age(3_600);
  expect((await look()).stuck).toEqual([]);
  await db.database.query(`update ops_steps set completed_at = now() - interval '2 minutes' where id = $1`, [
    first.id,
  ]);
  const { stuck } = await look();
  expect(stuck).toMatchObject([
    { why: expect.stringContaining('No live worker works steps of kind "generate"') },
  ]);
  const waited = Date.now() - (stuck[0]?.examples[0]?.since.getTime() ?? 0);
  expect([waited > 110_000, waited < 180_000]).toEqual([true, true]);
});

test('a pause, a limit, a token cap and a missing worker are told apart, the oldest first', async () => {
  const { database } = db;
  await propose('qa');
  await worker.claimOne();
  for (const agentId of ['pm', 'qa', 'ops']) await propose(agentId);
  await age(600);
  await database.query(
    `insert into ops_steps (kind, title, status, ready, created_at, agent_id)
     values ('dance', 'Dance', 'queued', true, now() - interval '1 day', 'coder')`,
  );
  await setPaused(database, true, 'pm', 'test');
  await setPolicy(database, 'concurrency', { kinds: {}, agents: { qa: 1 } }, 'test');
  await setPolicy(database, 'token_caps', { per_agent: 10, total: 1_000 }, 'test');
  await database.query(`insert into ops_counters values (current_date, 'tokens:ops', 10)`);

  const whys = async () => (await look()).stuck.map(({ why, count }) => `${count} ${why}`);
  const [first, ...others] = await whys();
  expect(first).toMatch(/^1 No live worker works steps of kind "dance"/);
  expect(others.toSorted()).toEqual([
    expect.stringMatching(/^1 1 of agent qa run already/),
    expect.stringMatching(/^1 Agent ops's token cap is reached/),
    expect.stringMatching(/^1 Agent pm is paused/),
  ]);
  await setPaused(database, true, undefined, 'test');
  expect(await whys()).toEqual([expect.stringMatching(/^4 Everything is paused/)]);
});

test('what is tried again later is one line with the time of the first', async () => {
  await propose('pm');
  await propose('qa');
  await failFor(false, 60_000);
  await failFor(false, 30_000);
  // A wish for a later time is no trouble.
  await proposer(db.database)({ runAt: new Date(Date.now() + 60_000) });
  const { stuck } = await look();
  expect(stuck).toMatchObject([{ why: 'It is tried again after "error: no luck".', by: 'worker', count: 2 }]);
  const inMs = (stuck[0]?.at?.getTime() ?? 0) - Date.now();
  expect(inMs).toBeGreaterThan(15_000);
  expect(inMs).toBeLessThan(31_000);
});

test('failures of one class are one line, whatever they say', async () => {
  for (const agentId of ['pm', 'qa', 'ops']) await propose(agentId);
  for (let n = 0; n < 3; n++) {
    const claim = await worker.claimOne();
    const failure = { class: n === 2 ? ('timeout' as const) : ('error' as const), message: `no luck ${n}` };
    await db.database.transaction((tx) =>
      failStep(tx, { ...claim, failure, final: false, retryInMs: 60_000 }),
    );
  }
  const { stuck, more_groups } = await look();
  expect(stuck.map(({ why, count }) => `${count} ${why}`).toSorted()).toEqual([
    '1 It is tried again after "timeout: no luck 2".',
    expect.stringMatching(/^2 It is tried again after "error: no luck [01]"/),
  ]);
  expect(more_groups).toBe(false);
});

/** Steps without a mission, as they are while they are tried again, or wait for their time. */
const delay = (count: number, attempt: number, minutes: number) =>
  db.database.query(
    `insert into ops_steps (kind, title, status, agent_id, available_at, attempt, failure)
     select 'analyze', 'later', 'queued', 'pm', now() + make_interval(mins => $3), $2::integer,
       case $2::integer when 0 then null else '{"class":"error","message":"no"}'::jsonb end
     from generate_series(1, $1)`,
    [count, attempt, minutes],
  );

test('what is tried again is found behind any number of steps that wait for their time', async () => {
  await delay(1_500, 0, 1);
  await delay(1_000, 1, 60);
  expect((await look()).stuck).toMatchObject([{ count: 1_000, more: false }]);
  await delay(1, 1, 60);
  expect((await look()).stuck).toMatchObject([{ count: 1_000, more: true }]);
});

test('of very many steps that run it is said that there are more, but not of exactly as many as are looked at', async () => {
  const run = (count: number) =>
    db.database.query(
      `insert into ops_steps (kind, title, status, agent_id, worker_id, claimed_at, claim_id, attempt)
       select 'analyze', 'runs', 'running', 'pm', $2, now() - interval '1 day', gen_random_uuid(), 1
       from generate_series(1, $1)`,
      [count, worker.workerId],
    );
  await run(200);
  expect((await look()).stuck).toMatchObject([{ count: 200, more: false }]);
  await run(1);
  expect((await look()).stuck).toMatchObject([{ count: 200, more: true }]);
});

test('of very many reasons the oldest are shown, and it is said that there are more', async () => {
  const wait = (from: number, to: number) =>
    db.database.query(
      `insert into ops_steps (kind, title, status, ready, created_at, agent_id)
       select 'dance-' || n, 'Dance', 'queued', true, now() - interval '1 day' + make_interval(mins => n), 'pm'
       from generate_series($1::integer, $2::integer) as n`,
      [from, to],
    );
  await wait(1, 20);
  expect(await look()).toMatchObject({ stuck: { length: 20 }, more_groups: false });
  await wait(21, 21);
  const { stuck, more_groups } = await look();
  expect([stuck.length, more_groups]).toEqual([20, true]);
  expect(stuck.map(({ why }) => why).join()).not.toContain('dance-21');
});

test('what runs is listed, oldest first; beyond half of its time it is stuck', async () => {
  const { database } = db;
  await propose('pm');
  await propose('qa');
  const [slow, quick] = [await worker.claimOne(), await worker.claimOne()];
  const ran = (id: string, minutes: number) =>
    database.query('update ops_steps set claimed_at = now() - make_interval(mins => $2) where id = $1', [
      id,
      minutes,
    ]);
  await ran(slow.id, 14);
  expect((await look()).stuck).toEqual([]);
  await ran(slow.id, 16);
  const { running, stuck } = await look();
  expect(running).toMatchObject([
    { id: slow.id, mission_id: slow.mission_id, worker_id: worker.workerId, attempt: 1 },
    { id: quick.id },
  ]);
  expect(stuck).toMatchObject([
    {
      why: `Worker ${worker.workerId} works it; after 30 min the heartbeat takes it back.`,
      by: worker.workerId,
      count: 1,
      examples: [{ id: slow.mission_id }],
    },
  ]);
  await releaseSteps(database, [slow, quick], { reason: 'test' });
});
