import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { approve } from '../../src/loop/decide.ts';
import { listProposals } from '../../src/proposals/proposals.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
type Row = Record<string, unknown>;
const first = async (what: string, query: string) =>
  ((await (await t.request(`/api/ops/${what}${query}`)).json()) as Record<string, Row[]>)[what]?.[0] ?? {};

test('what is large is null in a slim list, and everything else is there', async () => {
  await openPolicy(t.database, []);
  const { proposal } = await proposer(t.database)({ body: 'the body' });
  await approve(t.database, proposal.id, { by: 'key:x', edit: { body: 'another body' } });
  const worker = await testWorker(t.database);
  await completeSteps(t.database, [{ ...(await worker.claimOne()), output: { text: 'the output' } }]);

  const large = {
    proposals: ['body', 'original', 'policy_snapshot'],
    steps: ['input', 'output'],
  };
  for (const [what, members] of Object.entries(large)) {
    const whole = await first(what, '');
    for (const member of members) expect([member, whole[member]]).toEqual([member, expect.anything()]);
    const nulls = Object.fromEntries(members.map((member) => [member, null]));
    expect(await first(what, '?slim=true')).toEqual({ ...whole, ...nulls });
    expect(await first(what, '?slim=false')).toEqual(whole);
  }
  expect((await t.request('/api/ops/steps?slim=yes')).status).toBe(400);
});

test('what lies apart on disk is not read for it', async () => {
  // The decision lies apart, too, and is a part of the slim list.
  await t.database.query(
    `update ops_proposals set decision = null, body = (select string_agg(md5(n::text), '') from generate_series(1, 1000) n)`,
  );
  const one = openDatabase(t.directUrl, { log: silentLog(), max: 1 });
  const readBy = async (slim: boolean) => {
    const blocks = async () => {
      await one.query('select pg_stat_force_next_flush()');
      await one.query('select pg_stat_clear_snapshot()');
      const [row] = await one.query<{ blocks: number }>(
        `select toast_blks_read + toast_blks_hit as blocks from pg_statio_user_tables where relname = 'ops_proposals'`,
      );
      return row?.blocks ?? 0;
    };
    const before = await blocks();
    await listProposals(one, {}, { afterId: null, limit: 10, slim });
    return (await blocks()) - before;
  };
  try {
    expect(await readBy(false)).toBeGreaterThan(0);
    expect(await readBy(true)).toBe(0);
  } finally {
    await one.close();
  }
});
