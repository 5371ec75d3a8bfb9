import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import type { Database, Db } from '../../src/db/database.ts';
import { joinTransaction } from '../../src/db/joined.ts';
import type { Serving } from '../../src/loop/reasons.ts';
import { readAttention } from '../../src/overview/attention.ts';
import { readCaps } from '../../src/overview/caps.ts';
import { readLoop } from '../../src/overview/counts.ts';
import { readAgentStats, readStats } from '../../src/tallies/stats.ts';
import { countOnDemand } from '../../src/tallies/tallies.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, testWorker } from '../support/loop.ts';

const db = useDatabase();
const LONG = { limitMs: 600_000 };
const KINDS = { usesModel: (kind: string) => kind === 'analyze', isOurs: () => true };
const NO_MODEL: Serving = { ...KINDS, unserved: () => 'It waits for a language model.' };

/** 100,000 missions that ended, and 50,000 of 50 agents whose first step of two waits to be claimed. */
beforeAll(async () => {
  const history = await readFile(new URL('../../bench/history.sql', import.meta.url), 'utf8');
  const one = db.open(1);
  await one.query(
    history.replaceAll('{missions}', '100000').replaceAll('{steps}', '2').replaceAll('{batch}', '100'),
    undefined,
    LONG,
  );
  await openPolicy(db.database);
  await testWorker(db.database);
  await one.query(
    `with p as (
       insert into ops_proposals (agent_id, kind, title, status, decided_at)
       select 'agent-' || n % 50, 'analysis', 'waits', 'approved', now() from generate_series(1, 50000) as n
       returning id, agent_id),
     m as (
       insert into ops_missions (proposal_id, title, status, agent_id)
       select id, 'waits', 'active', agent_id from p returning id, proposal_id, agent_id)
     insert into ops_steps (mission_id, proposal_id, agent_id, kind, title, status, position, ready, created_at)
     select id, proposal_id, agent_id, case n when 1 then 'analyze' else 'generate' end, 'waits', 'queued', n, n = 1,
       now() - interval '1 hour'
     from m, generate_series(1, 2) as n`,
    undefined,
    LONG,
  );
  await one.query('analyze', undefined, LONG);
  while ((await countOnDemand(db.database)) > 0);
}, 600_000);

/** How many rows and entries of indices this connection has looked at and not yet told the statistics of. */
async function rowsLookedAt(tx: Db): Promise<number> {
  const [row] = await tx.query<{ n: number }>(
    `select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::integer as n
     from pg_class where relkind in ('r', 'i')`,
  );
  return row?.n ?? 0;
}

// To walk over what waits, once and by an index alone, would be 50,000 more.
test.each([
  ['the loop', 120_000, readLoop],
  ['what needs attention', 50_000, (all: Db) => readAttention(all, NO_MODEL)],
  ['the last hour', 5_000, (all: Database) => readStats(all, 'hour')],
  ['the last day', 5_000, (all: Database) => readStats(all, 'day')],
  ['the agents', 5_000, (all: Database) => readAgentStats(all, { days: 14, agents: [], agentId: undefined })],
  ['the caps', 5_000, (all: Db) => readCaps(all, null)],
])('%s: the backlog and the history are not walked', async (_name, most, read) => {
  await db.database.transaction(async (tx) => {
    // What workers of a query look at is told by nobody.
    await tx.query('set local max_parallel_workers_per_gather = 0');
    const before = await rowsLookedAt(tx);
    await read(joinTransaction(db.database, tx).joined);
    const rows = (await rowsLookedAt(tx)) - before;
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(most);
  });
});

test('what waits for a model is one line', async () => {
  // The one from before is dead by now.
  await testWorker(db.database);
  const { stuck } = await readAttention(db.database, NO_MODEL);
  expect(stuck).toMatchObject([{ why: 'It waits for a language model.', count: 5_000, more: true }]);
});
