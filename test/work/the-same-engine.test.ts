import { beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { getMission } from '../../src/missions/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { getStep } from '../../src/steps/steps.ts';
import { useApp } from '../support/app.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { inProcess, overHttp, type Port, type PortClaim, sweep } from '../support/work.ts';
import { callsOf, clearQueue, eventsOf, tokensOf } from '../support/worker.ts';

const t = useApp();

/** Whatever holds for our own worker holds for those over HTTP: one table of tests, two ways in. */
const PORTS: [string, () => Port][] = [
  ['in this process', () => inProcess(t.database)],
  ['over HTTP', () => overHttp(t)],
];

beforeEach(async () => {
  await openPolicy(t.database);
  await clearQueue(t.database);
});

const propose = (count: number, more: object = {}) => {
  const one = proposer(t.database);
  return Promise.all(Array.from({ length: count }, () => one(more)));
};

async function claimOne(port: Port): Promise<PortClaim> {
  const [claim] = await (await port.start()).claim('analyze', 1);
  if (!claim) throw new Error('nothing can be claimed');
  return claim;
}

/** A step, its lost claim, and the claim that holds it now. */
async function lostAndHeld(port: Port) {
  await propose(1);
  const lost = await claimOne(port);
  expect(await lost.release()).toBe('released');
  return { lost, held: await claimOne(port) };
}

/** The database may have started just now, which gives every lease a fresh period. */
const sweepUntil = (isDone: () => Promise<boolean>) =>
  eventually(async () => {
    await sweep(t.database);
    return isDone();
  }, 40_000);

describe.each(PORTS)('%s', (_name, makePort) => {
  test('the highest priority comes first, then agents in turn, then age', async () => {
    const one = proposer(t.database);
    for (const title of ['a1', 'a2', 'a3']) await one({ title, agentId: 'pm' });
    for (const title of ['b1', 'b2']) await one({ title, agentId: 'qa' });
    await one({ title: 'first', agentId: 'qa', priority: 5 });
    const claims = await (await makePort().start()).claim('analyze', 5);
    const titles = claims.map(({ title }) => title.replace('analyze: ', ''));
    expect(titles[0]).toBe('first');
    expect(titles.slice(1).toSorted()).toEqual(['a1', 'a2', 'b1', 'b2']);
  });

  test('many claimers take each step once', async () => {
    await propose(60);
    const port = makePort();
    const seen: string[] = [];
    await Promise.all(
      Array.from({ length: 15 }, async () => {
        const worker = await port.start();
        for (;;) {
          const claims = await worker.claim('analyze', 3);
          if (claims.length === 0) return;
          seen.push(...claims.map((claim) => claim.stepId));
          expect(await Promise.all(claims.map((claim) => claim.complete('done')))).not.toContain('lost');
        }
      }),
    );
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });

  test('a lost claim writes nothing, and its late result leaves evidence', async () => {
    const { lost, held } = await lostAndHeld(makePort());
    expect(held.stepId).toBe(lost.stepId);
    expect(await lost.renew()).toBe('claim_lost');
    expect(await lost.fail('too late', true)).toBe('lost');
    expect(await getStep(t.database, held.stepId)).toMatchObject({
      status: 'running',
      output: null,
      failures: 0,
    });

    expect(await held.complete('mine', 5)).toBe('kept');
    expect((await getStep(t.database, held.stepId)).output).toBe('mine');
    const { lost: late, held: now } = await lostAndHeld(makePort());
    expect(await late.complete('late', 7)).toBe('lost');
    expect(await getStep(t.database, now.stepId)).toMatchObject({ status: 'running', output: null });
    expect(await eventsOf(t.database, now.stepId, 'step.late_result')).toHaveLength(1);
    // It was spent all the same.
    expect(await callsOf(t.database, now.stepId)).toMatchObject([{ input_tokens: 7, attempt: 1 }]);
    expect(await now.complete('mine')).toBe('kept');
  });

  test('a completion that is sent twice counts once, and says the same', async () => {
    await propose(1);
    const claim = await claimOne(makePort());
    const before = await tokensOf(t.database, 'tokens');
    expect(await Promise.all([claim.complete('same', 11), claim.complete('same', 11)])).toEqual([
      'kept',
      'kept',
    ]);
    expect(await claim.complete('same', 11)).toBe('kept');
    expect(await eventsOf(t.database, claim.stepId, 'step.completed')).toHaveLength(1);
    expect(await eventsOf(t.database, claim.stepId, 'step.late_result')).toEqual([]);
    expect(await callsOf(t.database, claim.stepId)).toHaveLength(1);
    expect((await tokensOf(t.database, 'tokens')) - before).toBe(11);
  });

  test('a worker whose lease ran out has lost its steps, each of which has spent a failure', async () => {
    const [admitted] = await propose(1);
    const worker = await makePort().start();
    const [claim] = await worker.claim('analyze', 1);
    const stepId = admitted?.mission?.steps[0]?.id ?? '';
    await sweep(t.database);
    expect((await getStep(t.database, stepId)).status).toBe('running');
    await worker.die();
    await sweepUntil(async () => (await getStep(t.database, stepId)).status === 'queued');
    expect(await getStep(t.database, stepId)).toMatchObject({ status: 'queued', ready: true, failures: 1 });
    expect(await claim?.renew()).toBe('claim_lost');
    expect(await claim?.complete('late')).toBe('lost');
    expect(await (await claimOne(makePort())).complete('second')).toBe('kept');
  }, 60_000);

  test('failures are tried again until the last one fails the mission', async () => {
    const [admitted] = await propose(1);
    const stepId = admitted?.mission?.steps[0]?.id ?? '';
    const port = makePort();
    for (const attempt of [1, 2, 3]) {
      const claim = await claimOne(port);
      expect(claim.attempt).toBe(attempt);
      expect(await claim.fail(`failure ${attempt}`)).toEqual({ final: attempt === 3 });
      const step = await getStep(t.database, stepId);
      expect(step.failure).toMatchObject({ class: 'error', message: `failure ${attempt}`, attempt });
      if (attempt === 3) continue;
      expect(step.available_at?.getTime()).toBeGreaterThan(Date.now());
      await t.database.query('update ops_steps set ready = true, available_at = null where id = $1', [
        stepId,
      ]);
    }
    expect((await getMission(t.database, admitted?.mission?.mission.id ?? '')).status).toBe('failed');
  });

  test('a final failure has no further attempt', async () => {
    const [admitted] = await propose(1);
    expect(await (await claimOne(makePort())).fail('hopeless', true)).toEqual({ final: true });
    expect(await getMission(t.database, admitted?.mission?.mission.id ?? '')).toMatchObject({
      status: 'failed',
      failure: { message: 'hopeless' },
    });
  });

  test('a release spends nothing', async () => {
    await propose(1);
    const port = makePort();
    for (let attempt = 1; attempt <= 5; attempt++) {
      const claim = await claimOne(port);
      expect(claim.attempt).toBe(attempt);
      expect(await claim.release()).toBe('released');
      expect(await getStep(t.database, claim.stepId)).toMatchObject({
        status: 'queued',
        ready: true,
        failures: 0,
      });
    }
  });

  test('a pause is told, to whom it concerns, and nothing is claimed in it', async () => {
    await propose(1, { agentId: 'qa' });
    await propose(2, { agentId: 'pm' });
    const port = makePort();
    const claims = await (await port.start()).claim('analyze', 2);
    expect(new Set(claims.map((claim) => claim.agentId))).toEqual(new Set(['qa', 'pm']));
    const toldOf = async () =>
      Object.fromEntries(
        await Promise.all(claims.map(async (one) => [one.agentId, await one.renew()] as const)),
      );
    expect(await toldOf()).toEqual({ qa: null, pm: null });
    await setPolicy(t.database, 'paused', { enabled: false, agents: ['qa'] }, 'test');
    expect(await toldOf()).toEqual({ qa: 'paused', pm: null });
    await setPolicy(t.database, 'paused', { enabled: true, agents: [] }, 'test');
    expect(await toldOf()).toEqual({ qa: 'paused', pm: 'paused' });
    expect(await (await port.start()).claim('analyze', 5)).toEqual([]);
    expect(await Promise.all(claims.map((claim) => claim.release()))).toEqual(['released', 'released']);
  });

  test('a cancelled mission is told, and its result is late', async () => {
    const [admitted] = await propose(1);
    const claim = await claimOne(makePort());
    await cancelMission(t.database, admitted?.mission?.mission.id ?? '', { by: 'test' });
    expect(await claim.renew()).toBe('claim_lost');
    expect(await claim.complete('too late')).toBe('lost');
    expect(await getStep(t.database, claim.stepId)).toMatchObject({ status: 'failed', output: null });
  });

  test('limits of policy are exact over all workers', async () => {
    await setPolicy(t.database, 'concurrency', { kinds: { analyze: 3 }, agents: {} }, 'test');
    await t.database.query(`delete from ops_steps where status = 'running'`);
    await propose(10);
    const port = makePort();
    const workers = await Promise.all(Array.from({ length: 4 }, () => port.start()));
    const held = (await Promise.all(workers.map((worker) => worker.claim('analyze', 5)))).flat();
    // Whoever met another one's lock may have taken nothing; then there is room.
    for (const worker of workers) held.push(...(await worker.claim('analyze', 5)));
    expect(held).toHaveLength(3);
    await held[0]?.complete('room');
    expect(await workers[3]?.claim('analyze', 5)).toHaveLength(1);
  });

  test('what cannot be stored is made harmless, and what is too large is refused', async () => {
    await propose(1);
    const claim = await claimOne(makePort());
    await expect(claim.complete('x'.repeat(600_000))).rejects.toThrow('524288 bytes');
    let deep: unknown = 0;
    for (let n = 0; n < 80; n++) deep = [deep];
    await expect(claim.complete(deep)).rejects.toThrow('64 levels');
    expect(await claim.renew()).toBeNull();
    expect(await claim.complete({ 'n\0ul': 'a\0b', half: '\ud800!' })).toBe('kept');
    expect((await getStep(t.database, claim.stepId)).output).toEqual({
      'n\ufffdul': 'a\ufffdb',
      half: '\ufffd!',
    });
  });

  test('connections that break in the middle lose and double nothing', async () => {
    await propose(30);
    const worker = await makePort().start();
    const claims = await worker.claim('analyze', 30);
    const direct = openDatabase(t.directUrl, { log: silentLog(), max: 1 });
    const ends = Promise.all(claims.map((claim, n) => claim.complete({ n })));
    for (let n = 0; n < 3; n++)
      await direct.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
    await direct.close();
    expect(new Set(await ends)).toEqual(new Set(['kept']));
    for (const [n, { stepId }] of claims.entries()) {
      expect(await eventually(() => getStep(t.database, stepId).catch(() => null))).toMatchObject({
        output: { n },
      });
      expect(await eventsOf(t.database, stepId, 'step.completed')).toHaveLength(1);
    }
  });
});
