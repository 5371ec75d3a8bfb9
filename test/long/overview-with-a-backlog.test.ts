import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
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
/** Milliseconds that people do not notice. */
const QUICK_MS = 50;

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

test.each([
  ['the loop', () => readLoop(db.database)],
  ['what needs attention', () => readAttention(db.database, NO_MODEL)],
  ['the last hour', () => readStats(db.database, 'hour')],
  ['the last day', () => readStats(db.database, 'day')],
  ['the agents', () => readAgentStats(db.database, { days: 14, agents: [], agentId: undefined })],
  ['the caps', () => readCaps(db.database, null)],
])('%s: read at once', async (_name, read) => {
  const times: number[] = [];
  for (let n = 0; n < 9; n++) {
    const began = performance.now();
    await read();
    times.push(performance.now() - began);
  }
  expect(times.toSorted((a, b) => a - b)[4]).toBeLessThan(QUICK_MS);
});

test('what waits for a model is one line', async () => {
  // The one from before is dead by now.
  await testWorker(db.database);
  const { stuck } = await readAttention(db.database, NO_MODEL);
  expect(stuck).toMatchObject([{ why: 'It waits for a language model.', count: 5_000, more: true }]);
});
