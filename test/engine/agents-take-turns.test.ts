import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { makeQueue } from '../../src/engine/queue.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { useDatabase } from '../support/database.ts';
import { holding } from '../support/holding.ts';
import { claimFrom, openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
let workerId: string;

beforeEach(async () => {
  await openPolicy(db.database);
  await db.database.query(`delete from ops_steps`);
  ({ workerId } = await testWorker(db.database));
});

async function propose(agentId: string, count: number, priority = 0): Promise<void> {
  const one = proposer(db.database);
  await Promise.all(
    Array.from({ length: count }, (_, n) => one({ agentId, title: `${agentId}${n + 1}`, priority })),
  );
}

const titles = (claims: Claim[]) => claims.map((claim) => claim.title.replace('analyze: ', ''));

test('who floods the queue delays nobody: each agent has its turn, and its oldest comes first', async () => {
  await propose('pm', 30);
  await propose('qa', 2);
  await propose('ops', 1);
  const queue = makeQueue(db.database);
  const order: string[] = [];
  for (let n = 0; n < 6; n++) order.push(...titles(await claimFrom(queue, workerId, { analyze: 1 })));
  // Nobody has had a turn yet, so the first three are in any order.
  expect(order.slice(0, 3).sort()).toEqual(['ops1', 'pm1', 'qa1']);
  expect(order.slice(3).sort()).toEqual(['pm2', 'pm3', 'qa2']);
});

test('many slots are shared out among the agents, and what one does not need goes to the others', async () => {
  await propose('pm', 30);
  await propose('qa', 3);
  const queue = makeQueue(db.database);
  const claims = titles(await claimFrom(queue, workerId, { analyze: 10 }));
  expect(claims.filter((title) => title.startsWith('qa'))).toEqual(['qa1', 'qa2', 'qa3']);
  expect(claims.filter((title) => title.startsWith('pm'))).toHaveLength(7);
});

test('a higher priority comes before every turn, also when it arrives later', async () => {
  await propose('pm', 5);
  const { queue, later } = queueInTime();
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['pm1']);
  await propose('qa', 1);
  await propose('ops', 1, 7);
  later();
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['ops1']);
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['qa1']);
});

/** A queue whose time a test moves. */
function queueInTime(database: Database = db.database) {
  let now = 0;
  const later = () => {
    now += 60_000;
  };
  return { queue: makeQueue(database, () => now), later };
}

test('what appears below the mark is found: a late commit, and a step that was given back', async () => {
  const insert = `insert into ops_steps (kind, title, agent_id, status, ready) values ('analyze', $1, 'pm', 'queued', true)`;
  const commit = await holding(db.open(), insert, ['late']);
  await db.database.query(insert, ['early']);
  const { queue, later } = queueInTime();
  const first = await claimFrom(queue, workerId, { analyze: 1 });
  expect(titles(first)).toEqual(['early']);
  await commit();
  expect(await claimFrom(queue, workerId, { analyze: 1 })).toEqual([]);
  expect(queue.restMs()).toBeGreaterThan(0);
  later();
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['late']);
  await releaseSteps(db.database, first, { reason: 'test' });
  later();
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['early']);
});

test('a full look that costs much is made rarely; the known lanes are looked at each time', async () => {
  await propose('pm', 1);
  let now = 0;
  let looks = 0;
  // As with the index entries of a long-held snapshot.
  const query: Database['query'] = async (text, values, options) => {
    if (options === 'opsloop_lanes') {
      looks++;
      now += 100;
    }
    return db.database.query(text, values, options);
  };
  const queue = makeQueue({ ...db.database, query }, () => now);
  expect(titles(await claimFrom(queue, workerId, { analyze: 1 }))).toEqual(['pm1']);
  for (let n = 0; n < 5; n++) {
    await propose('pm', 1);
    now += 200;
    expect(await claimFrom(queue, workerId, { analyze: 1 })).toHaveLength(1);
  }
  expect(looks).toBe(1);
  expect(await claimFrom(queue, workerId, { analyze: 1 })).toEqual([]);
  expect(queue.restMs()).toBe(1_000);
  now += 1_000;
  await claimFrom(queue, workerId, { analyze: 1 });
  expect(looks).toBe(2);
});
