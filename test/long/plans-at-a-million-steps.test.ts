import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import type { Database, Db } from '../../src/db/database.ts';
import { lookOnce } from '../../src/alerts/watch.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { peekLanes } from '../../src/engine/lanes.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { makeQueue } from '../../src/engine/queue.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { tokenBlocks } from '../../src/engine/tokens.ts';
import { noteWorkEnds, renewWorkClaims } from '../../src/engine/work-claims.ts';
import { buryDeadWorkers, heldInDatabase, renewLease, watchForDead } from '../../src/engine/workers.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { listProposals } from '../../src/proposals/proposals.ts';
import { eventsHead, listEvents } from '../../src/events/events.ts';
import { anyUnsealed } from '../../src/events/queries.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { selectProposalsOf } from '../../src/schedules/queries.ts';
import { takeDue } from '../../src/schedules/take-due.ts';
import { countOnDemand } from '../../src/tallies/tallies.ts';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { claimDue, nextDueMs } from '../../src/webhooks/delivery-queries.ts';
import { useDatabase } from '../support/database.ts';
import { claimFrom, openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
type Seen = Map<string, { name: string; text: string; values: readonly unknown[] }>;
type Plan = {
  'Node Type': string;
  'Total Cost': number;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
};

/** Small by their nature: reading one whole costs less than its index. */
const SMALL = [
  'ops_policy',
  'ops_agent_config',
  'ops_workers',
  'ops_tally_place',
  'ops_webhook_place',
  'ops_webhooks',
  'ops_watch',
  'ops_alerts',
  'ops_schedules',
];
/** From here on a stock PostgreSQL compiles the plan first, which takes longer than any of these statements. */
const JIT_ABOVE = 100_000;
/** What must be among what is looked at. */
const HOT = [
  'claim',
  'complete',
  'lanes',
  'peek',
  'rules',
  'running',
  'renew',
  'held',
  'watch',
  'promote',
  'token_blocks',
  'ground',
  'propose',
  'missions',
  'seal',
  'unsealed',
  'sealing_lag',
  'batches',
  'sealed',
  'uncounted',
  'next_ids',
  'tally',
  'happenings',
  'deliveries_claim',
  'deliveries_next',
];
/** Statements for which another index of the steps would mean a walk over all that runs or waits. */
const INDEXES: Record<string, string[]> = {
  opsloop_claim: ['ops_steps_claim', 'ops_steps_pkey'],
  opsloop_complete: ['ops_steps_pkey', 'ops_steps_mission'],
  opsloop_peek: ['ops_steps_claim'],
};

beforeAll(async () => {
  const history = await readFile(new URL('../../bench/history.sql', import.meta.url), 'utf8');
  const one = db.open(1);
  await one.query(
    history.replaceAll('{missions}', '100000').replaceAll('{steps}', '10').replaceAll('{batch}', '100'),
    undefined,
    LONG,
  );
  await openPolicy(db.database);
  await one.query(
    `insert into ops_steps (kind, title, agent_id, status, ready)
     select 'analyze', 'waits', 'agent-' || n % 50, 'queued', true from generate_series(1, 100000) as n`,
    undefined,
    LONG,
  );
  await one.query(
    `insert into ops_steps (kind, title, status, available_at)
     select 'analyze', 'later', 'queued', now() + interval '1 day' from generate_series(1, 100000)`,
    undefined,
    LONG,
  );
  await one.query(
    `insert into ops_idempotency (owner, idempotency_key, request_digest)
     select 'history', n::text, 'd' from generate_series(1, 20000) as n`,
  );
  await one.query(
    `insert into ops_counters select current_date - n / 1000, 'agent:a' || n, 1 from generate_series(1, 20000) as n`,
  );
  await one.query(
    `with webhook as (
       insert into ops_webhooks (webhook_id, name, url, template, topics, created_by)
       values (gen_random_uuid(), 'old', 'https://hooks.example/', 'json', '{proposal}', 'test') returning webhook_id)
     insert into ops_deliveries (delivery_id, webhook_id, topic, about, event_id, status, ended_at)
     select gen_random_uuid(), webhook_id, 'proposal.pending', '{}', n, 'delivered', now()
     from webhook, generate_series(1, 20000) as n`,
  );
  await one.query(
    `insert into ops_work_claims (claim_id, step_id, worker_id, key_id, attempt, secret_hash, lease_expires_at)
     select gen_random_uuid(), gen_random_uuid(), 'gone', 'key', 1, '', now() from generate_series(1, 20000)`,
  );
  await one.query('analyze', undefined, LONG);
}, 600_000);
const LONG = { limitMs: 600_000 };

/** A database that remembers what was asked of it. */
function recording(database: Database, seen: Seen): Database {
  const record = (inner: Db): Db => ({
    query: (text, values, options) => {
      const name = typeof options === 'string' ? options : (options?.name ?? '');
      if (/\bops_/.test(text)) seen.set(text, { name, text, values: values ?? [] });
      return inner.query(text, values, options);
    },
  });
  return {
    ...database,
    ...record(database),
    transaction: (work, opening) => database.transaction((tx) => work(record(tx)), opening),
  };
}

/** Everything that happens all the time, each of it once. */
async function aDayInShort(database: Database): Promise<void> {
  const propose = proposer(database);
  for (let n = 0; n < 3; n++)
    await propose({ agentId: 'qa', idempotency: { owner: 'test', key: randomUUID(), digest: 'd' } });
  const { workerId } = await testWorker(database);
  const queue = makeQueue(database);
  const claims = await claimFrom(queue, workerId, { analyze: 60 });
  expect(claims).toHaveLength(60);
  await claimFrom(queue, workerId, { analyze: 60 });
  await queue.ready(['generate']);
  await peekLanes(database, [{ kind: 'analyze', priority: 0, agent_id: 'agent-1', from_no: 1 }]);
  await setPolicy(database, 'concurrency', { kinds: { analyze: 10_000 }, agents: {} }, 'test');
  expect(await claimFrom(queue, workerId, { analyze: 5 })).toHaveLength(5);
  await setPolicy(database, 'concurrency', { kinds: {}, agents: {} }, 'test');
  const [failed, released, ...rest] = claims;
  if (!failed || !released) throw new Error('nothing was claimed');
  await renewLease(database, workerId, rest);
  await heldInDatabase(database, workerId);
  await failStep(database, {
    ...failed,
    failure: { class: 'test', message: 'test' },
    final: false,
    retryInMs: 1,
  });
  await releaseSteps(database, [released], { reason: 'test' });
  await completeSteps(
    database,
    rest.map((claim) => ({ ...claim, output: null })),
  );
  await promoteDelayed(database);
  await tokenBlocks(database);
  await watchForDead(database);
  await database.transaction(async (tx) => {
    await buryDeadWorkers(tx);
    await recoverSteps(tx, { why: 'worker_died' });
    await recoverSteps(tx, { why: 'stale', afterMinutes: 30, perKind: {} });
  });
  await anyUnsealed(database);
  while ((await sealOnce(database)) > 0);
  await countOnDemand(database, 1);
  await eventsHead(database);
  await listProposals(database, { status: 'pending' }, { afterId: null, limit: 50 });
  await lookOnce(database, []);
  while (await collectOnce(database));
  const [webhook] = await database.query<{ webhook_id: string }>('select webhook_id from ops_webhooks');
  await claimDue(database, webhook?.webhook_id ?? '', 4, 60);
  await nextDueMs(database, [webhook?.webhook_id ?? '']);
  await takeDue({ database, propose: () => Promise.reject(new Error('none is due')) }, new Date(), []);
  await selectProposalsOf(database, 'nightly', 5);
  await renewWorkClaims(database, workerId, [randomUUID()]);
  await noteWorkEnds(database, [randomUUID()], { as: 'released' });
  await listEvents(database, {}, { limit: 100 });
  await listEvents(
    database,
    { proposalId: rest[0]?.proposal_id ?? '01000000-aaaa-7000-8000-000000000001' },
    { limit: 100 },
  );
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** What a plan reads whole, what it walks, whether it sorts what waits, and whether it would be compiled. */
function faults(name: string, plan: Plan): string[] {
  const dear = plan['Total Cost'] > JIT_ABOVE ? [`costs ${plan['Total Cost']}`] : [];
  const inNodes = nodesOf(plan).flatMap((node) => {
    const table = node['Relation Name'] ?? '';
    const index = node['Index Name'] ?? '';
    const allowed = INDEXES[name];
    if (allowed && index.startsWith('ops_steps_') && !allowed.includes(index)) return [`walks ${index}`];
    if (name === 'opsloop_claim' && index === 'ops_steps_claim' && !node['Index Cond']?.includes('queue_no'))
      return ['walks the queue from its front'];
    if (node['Node Type'] === 'Seq Scan' && !SMALL.includes(table)) return [`reads all of ${table}`];
    return node['Node Type'] === 'Sort' && readsQueue(node) ? ['sorts the backlog'] : [];
  });
  return [...dear, ...inNodes];
}

/** Whether it reads the queue beyond what a limit inside lets through. */
function readsQueue(plan: Plan): boolean {
  if (plan['Node Type'] === 'Limit') return false;
  return plan['Index Name'] === 'ops_steps_claim' || (plan.Plans ?? []).some(readsQueue);
}

test('with a million finished steps and a backlog of 100,000, no statement of the hot path reads a table whole', async () => {
  const seen: Seen = new Map();
  await aDayInShort(recording(db.database, seen));
  const names = [...seen.values()].map(({ name }) => name);
  expect(HOT.filter((name) => !names.includes(`opsloop_${name}`))).toEqual([]);
  const one = db.open(1);
  const found: string[] = [];
  for (const { name, text, values } of seen.values()) {
    const [row] = await one.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (format json) ${text}`,
      values,
    );
    const plan = row?.['QUERY PLAN'][0].Plan;
    if (plan) found.push(...faults(name, plan).map((fault) => `${name} ${fault}: ${text.slice(0, 300)}`));
  }
  expect(found).toEqual([]);
});

test('nor does it once PostgreSQL plans without looking at the values', async () => {
  const [server] = await db.database.query<{ version: number }>(
    `select current_setting('server_version_num')::integer as version`,
  );
  if ((server?.version ?? 0) < 160_000) return;
  const seen: Seen = new Map();
  await aDayInShort(recording(db.database, seen));
  const one = db.open(1);
  const found: string[] = [];
  for (const { name, text } of seen.values()) {
    const [row] = await one.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (generic_plan, format json) ${text}`,
    );
    const plan = row?.['QUERY PLAN'][0].Plan;
    if (plan) found.push(...faults(name, plan).map((fault) => `${name} ${fault}: ${text.slice(0, 300)}`));
  }
  expect(found).toEqual([]);
});
