import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { silentLog } from '../../src/log.ts';
import { testConfig, useApp } from '../support/app.ts';
import { eventually, readLog } from '../support/loop.ts';
import { add, proposedFor } from '../support/schedules.ts';

const t = useApp({ parts: { schedules: true } });

test('two servers wait for a due time by the clock, one of them proposes, and stopping either is no loss', async () => {
  const other = createApp({
    config: testConfig(),
    databaseUrl: t.url,
    log: silentLog(),
    parts: { worker: false, heartbeat: false, files: false },
  });
  await other.ready;
  const soon = () => new Date(Date.now() + 500).toISOString();
  const first = await add(t.app.database, { at: soon() });
  await eventually(async () => (await proposedFor(t.database, first.name)).length > 0);
  await other.stop();
  const second = await add(t.app.database, { at: soon() });
  await eventually(async () => (await proposedFor(t.database, second.name)).length > 0);

  const told = (await readLog(t.database)).filter((event) => event.kind === 'schedule.proposed');
  expect(told.map((event) => event.entity_id)).toEqual([first.name, second.name]);
  for (const row of [first, second]) expect(await proposedFor(t.database, row.name)).toEqual([row.at]);
});

test('the proposals of a schedule are found by their own index', async () => {
  const plan = await t.database.transaction(async (tx) => {
    await tx.query('set local enable_seqscan = off; set local enable_sort = off');
    return tx.query<Record<string, string>>(
      `explain select id from ops_proposals
       where created_by = 'schedule:x' and created_by like 'schedule:%' order by id desc limit 5`,
    );
  });
  expect(JSON.stringify(plan)).toContain('ops_proposals_schedule');
});
