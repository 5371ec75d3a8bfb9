import { beforeEach, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { makeQueue } from '../../src/engine/queue.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { countAllRunning, lockRoom, reachedLimit, readRules } from '../../src/engine/limits.ts';
import { readPolicy, setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { claimFrom, openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
beforeEach(async () => {
  await openPolicy(db.database);
  await db.database.query('delete from ops_steps');
});

async function propose(agentId: string, count: number): Promise<void> {
  const one = proposer(db.database);
  await Promise.all(Array.from({ length: count }, () => one({ agentId })));
}

const limit = (value: object) =>
  setPolicy(db.database, 'concurrency', { kinds: {}, agents: {}, ...value }, 'test');

async function running(): Promise<number> {
  const [row] = await db.database.query<{ n: number }>(
    `select count(*)::integer as n from ops_steps where status = 'running'`,
  );
  return row?.n ?? -1;
}

/** Claimers as in several processes, each with a pool and a memory of its own. @returns most that ran at once */
async function race(processes: number, until: number): Promise<number> {
  let most = 0;
  let done = 0;
  const work = async () => {
    const database = db.open(4);
    const { workerId } = await testWorker(database);
    const queue = makeQueue(database);
    while (done < until) {
      const claims = await claimFrom(queue, workerId, { analyze: 5 });
      most = Math.max(most, await running());
      if (claims.length > 0)
        await completeSteps(
          database,
          claims.map((claim) => ({ ...claim, output: null })),
        );
      done += claims.length;
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  return most;
}

test('never more of a kind run at once than policy says, whoever claims', async () => {
  await propose('pm', 60);
  await limit({ kinds: { analyze: 3 } });
  expect(await race(4, 60)).toBe(3);
});

test('never more of an agent, by its name or as each agent', async () => {
  await limit({ agents: { pm: 2 }, each_agent: 1 });
  await propose('pm', 12);
  await propose('qa', 12);
  const { workerId } = await testWorker(db.database);
  const queue = makeQueue(db.database);
  const agents = (claims: Claim[]) => claims.map((claim) => claim.agent_id).sort();
  const first = await claimFrom(queue, workerId, { analyze: 10 });
  expect(agents(first)).toEqual(['pm', 'pm', 'qa']);
  expect(await claimFrom(makeQueue(db.database), workerId, { analyze: 10 })).toEqual([]);
  const { concurrency } = await readPolicy(db.database);
  const qa = { kind: 'analyze', agent_id: 'qa' };
  expect(reachedLimit(concurrency, qa, await countAllRunning(db.database))).toBe('1 of agent qa run');
  const [pm] = first.filter((claim) => claim.agent_id === 'pm');
  await completeSteps(db.database, [{ ...(pm as Claim), output: null }]);
  expect(agents(await claimFrom(makeQueue(db.database), workerId, { analyze: 10 }))).toEqual(['pm']);
});

test('a limit that a process does not know yet holds all the same', async () => {
  await propose('pm', 10);
  const { workerId } = await testWorker(db.database);
  const queue = makeQueue(db.database);
  expect(await claimFrom(queue, workerId, { analyze: 2 })).toHaveLength(2);
  await limit({ kinds: { analyze: 3 } });
  // It still believes that there is no limit, or has just read it; in no case does it exceed it.
  expect((await claimFrom(queue, workerId, { analyze: 5 })).length).toBeLessThanOrEqual(1);
  expect((await claimFrom(makeQueue(db.database), workerId, { analyze: 5 })).length).toBeLessThanOrEqual(1);
  expect(await running()).toBe(3);
});

test('where nothing is limited, a claim is one statement without a transaction', async () => {
  await propose('pm', 1);
  const { workerId } = await testWorker(db.database);
  let transactions = 0;
  const database: typeof db.database = {
    ...db.database,
    transaction: (work) => {
      transactions++;
      return db.database.transaction(work);
    },
  };
  expect(await claimFrom(makeQueue(database), workerId, { analyze: 1 })).toHaveLength(1);
  expect(transactions).toBe(0);
  await limit({ kinds: { generate: 1 } });
  await propose('pm', 1);
  expect(await claimFrom(makeQueue(database), workerId, { analyze: 1 })).toHaveLength(1);
  expect(transactions).toBe(0);
});

test('agents take turns within a limit', async () => {
  for (const agent of ['pm', 'qa', 'ops']) await propose(agent, 10);
  await limit({ kinds: { analyze: 3 } });
  const { workerId } = await testWorker(db.database);
  const claims = await claimFrom(makeQueue(db.database), workerId, { analyze: 30 });
  expect(claims.map((claim) => claim.agent_id).sort()).toEqual(['ops', 'pm', 'qa']);
});

test('a limit that somebody is at holds up nobody, and is asked for again soon', async () => {
  await openPolicy(db.database, ['analysis', 'plain']);
  await setPolicy(db.database, 'plans', { analysis: ['analyze'], plain: ['plain'] }, 'test');
  await limit({ kinds: { analyze: 1 } });
  await propose('pm', 1);
  await proposer(db.database)({ kind: 'plain' });
  const { workerId } = await testWorker(db.database);
  const queue = makeQueue(db.database);
  await db.open().transaction(async (tx) => {
    await lockRoom(tx, await readLimits(), [{ kind: 'analyze', priority: 0, agent_id: 'pm' }]);
    const kinds = (await claimFrom(queue, workerId, { analyze: 1, plain: 1 })).map((claim) => claim.kind);
    expect(kinds).toEqual(['plain']);
    expect(queue.restMs()).toBeLessThan(100);
  });
  expect(await claimFrom(makeQueue(db.database), workerId, { analyze: 1 })).toHaveLength(1);

  async function readLimits() {
    return (await readRules(db.database)).limits;
  }
});

test('names that every object has are names like others', async () => {
  await db.database.query(
    `insert into ops_agent_config (agent_id) values ('constructor') on conflict do nothing`,
  );
  await propose('constructor', 3);
  await limit({ kinds: { toString: 1 }, each_agent: 1 });
  const { workerId } = await testWorker(db.database);
  expect(await claimFrom(makeQueue(db.database), workerId, { analyze: 5 })).toHaveLength(1);
});

test('a limit that cannot be read is said, and nothing is claimed past it', async () => {
  await propose('pm', 1);
  await db.database.query(`update ops_policy set value = '{}' where key = 'concurrency'`);
  const { workerId } = await testWorker(db.database);
  await expect(claimFrom(makeQueue(db.database), workerId, { analyze: 1 })).rejects.toMatchObject({
    code: 'policy_unreadable',
  });
});
