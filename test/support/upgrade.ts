import { expect } from 'vitest';
import { createApp } from '../../src/app.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { silentLog } from '../../src/log.ts';
import { setPaused } from '../../src/policy/policy.ts';
import { testConfig } from './app.ts';
import type { TestDatabase } from './database.ts';
import { columnsOf, contentOf, makeFirstSchema } from './first-schema.ts';
import { whatIsWrong } from './history.ts';
import { eventually } from './loop.ts';

/** Brings a database of the first released schema with so many events to today's, and looks at it before and after. */
export async function upgradeFromFirst(db: TestDatabase, home: string, events: number) {
  const one = db.open(1);
  await makeFirstSchema(one, home, events);
  const tables = await columnsOf(one);
  const before = await contentOf(one, tables);
  expect(before.ops_events?.rows).toBeGreaterThanOrEqual(events);
  expect(tables.length).toBeGreaterThan(15);

  const began = performance.now();
  const applied = await migrate(one);
  const seconds = (performance.now() - began) / 1_000;
  expect(applied).toEqual((await readMigrations()).slice(1).map(({ version }) => version));
  expect(await contentOf(one, tables)).toEqual(before);
  expect(await verifyLog(one, { home })).toMatchObject({ ok: true, heads_compared: 1, notes: [] });
  return { seconds, applied, rows: Object.values(before).reduce((sum, { rows }) => sum + rows, 0) };
}

/**
 * What waited and what was running when the old program ended is done by today's, and what it proposes, too: all but what
 * an operator has to decide.
 */
export async function loopGoesOn(db: TestDatabase, home: string): Promise<void> {
  const config = { ...testConfig({ OPSLOOP_LLM: 'extractive' }), home };
  const parts = { files: false, schedules: false, webhooks: false };
  const app = createApp({ config, databaseUrl: db.url, log: silentLog(), parts });
  try {
    await app.ready;
    await setPaused(app.database, false, undefined, 'test');
    await app.propose({
      agentId: 'pm',
      kind: 'analysis',
      title: 'New',
      body: 'A fact. Another.',
      by: 'test',
    });
    await eventually(async () => {
      const open = await app.database.query<{ status: string }>(
        `select status from ops_proposals where status <> 'completed' or outcome <> 'succeeded'`,
      );
      return open.length === 1 && open[0]?.status === 'pending';
    }, 60_000);
  } finally {
    await app.stop(1_000);
  }
  expect(await whatIsWrong(db.database, home)).toEqual([]);
}
