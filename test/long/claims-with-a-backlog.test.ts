import { expect, test } from 'vitest';
import { makeQueue } from '../../src/engine/queue.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { tokenBlocks } from '../../src/engine/tokens.ts';
import { useDatabase } from '../support/database.ts';
import { claimFrom, openPolicy, testWorker } from '../support/loop.ts';

const db = useDatabase();

test('with 300,000 steps ready, 200,000 delayed and 500,000 done, claims scan no table', async () => {
  await openPolicy(db.database);
  const fill = (count: number, columns: string, values: string) =>
    db.database.query(
      `insert into ops_steps (kind, title, agent_id, status, ${columns})
       select 'analyze', 't', 'pm', ${values} from generate_series(1, ${count})`,
      undefined,
      { limitMs: 300_000 },
    );
  await fill(500_000, 'completed_at', `'completed', now()`);
  await fill(300_000, 'ready', `'queued', true`);
  await fill(200_000, 'available_at', `'queued', now() + interval '1 day'`);
  await db.database.query(
    `insert into ops_counters select current_date - n / 1000, 'tokens:a' || n, 1 from generate_series(1, 200000) n`,
  );
  await db.database.query('analyze');

  // One connection, so that its statistics can be told to be written.
  const one = db.open(1);
  const { workerId } = await testWorker(one);
  const scans = async () => {
    await one.query('select pg_stat_force_next_flush()');
    const [row] = await one.query<{ n: number }>(
      "select sum(seq_scan)::integer as n from pg_stat_user_tables where relname in ('ops_steps', 'ops_counters')",
    );
    return row?.n ?? -1;
  };
  const before = await scans();
  for (let n = 0; n < 20; n++) {
    expect(await claimFrom(makeQueue(one), workerId, { analyze: 2 })).toHaveLength(2);
    await promoteDelayed(one);
    await tokenBlocks(one);
  }
  expect(await scans()).toBe(before);
});
