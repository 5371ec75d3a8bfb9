import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpsloop, readConfig, silentLog } from '../../dist/index.js';
import { setPolicy } from '../../dist/policy/policy.js';
import { openPool, until } from '../lib/postgres.mjs';

export const HIGH_CAPS = { timezone: 'UTC', per_agent: 1_000_000_000, total: 1_000_000_000 };

/** An app on a database of the benchmark, with a step kind that does nothing. */
export async function startApp(
  url,
  { slots = 500, onStart, parts = {}, plan = ['noop'], migrate = true } = {},
) {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-bench-home-'));
  const app = createOpsloop({
    config: readConfig({
      OPSLOOP_HOME: home,
      OPSLOOP_LLM: 'none',
      OPSLOOP_API_KEY: 'a-key-for-the-benchmark-0123456789',
    }),
    databaseUrl: url,
    log: silentLog(),
    migrate,
    handlers: {
      noop: { usesModel: false, slots, run: async ({ step }) => ({ output: onStart?.(step) ?? null }) },
    },
    parts: { heartbeat: false, files: false, ...parts },
  });
  await app.ready;
  if (migrate) {
    await setPolicy(app.database, 'daily_caps', HIGH_CAPS, 'bench');
    await setPolicy(app.database, 'plans', { noop: plan }, 'bench');
    await setPolicy(app.database, 'auto_approve', { enabled: true, kinds: ['noop'] }, 'bench');
  }
  return app;
}

/** Keeps everything: proposal, mission, step, and every change as a sealed event. */
export function opsloop() {
  return {
    name: 'opsloop',
    keeps: 'proposal, mission, step, output, and every change as a sealed event',
    async prepare(url) {
      await (await startApp(url, { parts: { worker: false } })).stop(0);
    },
    async fill(url, count) {
      const app = await startApp(url, { parts: { worker: false }, migrate: false });
      for (let from = 0; from < count; from += 2_000) {
        const some = Array.from({ length: Math.min(2_000, count - from) }, (_, i) =>
          app.propose({ agentId: 'pm', kind: 'noop', title: `Step ${from + i}`, body: null, by: 'bench' }),
        );
        await Promise.all(some);
      }
      const pool = openPool(url);
      await until(
        async () =>
          (
            await pool.query(
              `select coalesce((select max_event_id from ops_event_batches order by last_seq desc limit 1), 0)
                 = (select max(id) from ops_events) as sealed`,
            )
          ).rows[0].sealed,
        100,
      );
      await pool.query('vacuum analyze');
      await pool.end();
      await app.stop(0);
    },
    async drain(url, { concurrency, onStart }) {
      const pool = openPool(url);
      const began = performance.now();
      const app = await startApp(url, { slots: concurrency, onStart, migrate: false });
      await until(
        async () =>
          (await pool.query("select from ops_missions where status = 'active' limit 1")).rowCount === 0,
      );
      const seconds = (performance.now() - began) / 1000;
      await app.stop(0);
      await pool.end();
      return seconds;
    },
  };
}
