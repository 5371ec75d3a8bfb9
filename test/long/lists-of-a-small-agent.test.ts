import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';

const t = useApp({ http: { agentRequestsPerMinute: 1e6 } });
const ROWS = 100_000;
const MOST_MS = 1_000;

test('an agent that has little among 100,000 things of others gets every list within a second', async () => {
  await openPolicy(t.database);
  // Its own are the oldest, so that whoever looks through the others first finds them last.
  const { proposal, mission } = await proposer(t.database)({ agentId: 'coder' });
  await t.database.query(
    `insert into ops_proposals (agent_id, kind, title, status, decided_at, created_by)
     select 'pm', 'analysis', 'Of another ' || n, 'approved', now(), 'test' from generate_series(1, $1::integer) n`,
    [ROWS],
  );
  await t.database.query(
    `insert into ops_missions (proposal_id, title, status, agent_id)
     select id, title, 'active', 'pm' from ops_proposals where agent_id = 'pm'`,
  );
  await t.database.query(
    `insert into ops_steps (mission_id, proposal_id, kind, title, status, agent_id, position)
     select id, proposal_id, 'analyze', title, 'queued', 'pm', 1 from ops_missions where agent_id = 'pm'`,
  );
  await t.database.query(
    `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'proposal.created', 'test', 'proposal', id::text, id, '{}' from ops_proposals where agent_id = 'pm'`,
  );
  await sealAll(t.database);
  await t.database.query('analyze');

  const key = await t.key({ scopes: ['read'], agent_id: 'coder' });
  const queries = {
    proposals: [
      '',
      '?status=pending',
      '?status=completed',
      '?kind=none',
      '?q=nowhere',
      `?q=${randomUUID()}`,
      '?oldest=true&status=pending',
    ],
    missions: [
      '',
      '?status=failed',
      '?q=nowhere',
      `?proposal_id=${randomUUID()}`,
      `?proposal_id=${proposal.id}`,
    ],
    steps: [
      '',
      '?status=running',
      '?status=failed',
      '?kind=none',
      '?worker_id=nobody',
      '?status=running&worker_id=nobody',
      `?mission_id=${mission?.mission.id}`,
    ],
    events: [
      '',
      '?kind=none.',
      '?kind=step.',
      '?entity=key',
      '?entity_id=nothing',
      `?proposal_id=${randomUUID()}`,
      `?proposal_id=${proposal.id}`,
    ],
    schedules: [''],
  };
  const slow: [string, number][] = [];
  for (const [list, filters] of Object.entries(queries))
    for (const filter of filters) {
      const path = `/api/ops/${list}${filter}`;
      const began = performance.now();
      const response = await t.request(path, { key });
      expect([path, response.status]).toEqual([path, 200]);
      const ms = Math.round(performance.now() - began);
      if (ms > MOST_MS) slow.push([path, ms]);
    }
  expect(slow).toEqual([]);
});
