import { expect, test } from 'vitest';
import { makeClient } from '../../src/client.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';

const t = useApp({ parts: { heartbeat: true } });

test('the typed client reaches every everyday route over a socket', async () => {
  const server = await t.serve();
  const client = makeClient({ url: server.url, apiKey: OPERATOR_KEY });
  const { ops, status } = client.api.api;

  expect(await client.read(status.$get())).toEqual({ active: true });
  const { proposal, mission } = await client.read(
    ops.proposals.$post({
      header: { 'idempotency-key': undefined },
      json: { agent_id: 'research', kind: 'analysis', title: 'Look' },
    }),
  );
  expect(proposal.status).toBe('approved');
  expect(mission?.steps).toHaveLength(1);
  const listed = await client.read(ops.proposals.$get({ query: {} }));
  expect(listed.proposals.map((row) => row.id)).toEqual([proposal.id]);
  const { why } = await client.read(ops.proposals[':id'].why.$get({ param: { id: proposal.id } }));
  expect(why.settled).toBe(false);
  const beat = await client.read(ops.heartbeat.$post({ json: {} }));
  expect(beat.actions.map((run) => run.action)).toContain('logHeartbeat');
  expect((await client.read(ops.health.$get())).counts.missions_active).toBe(1);
  expect(await (await client.fetch('/metrics')).text()).toContain('opsloop_workers_alive 0');
});
