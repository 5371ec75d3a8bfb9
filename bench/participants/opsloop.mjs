import { mkdtemp } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpsloop, readConfig, silentLog } from '../../dist/index.js';
import { setPolicy } from '../../dist/policy/policy.js';
import { nowMs, pause } from '../lib/clock.mjs';
import { API_KEY } from '../lib/http-client.mjs';
import { until, withPool } from '../lib/postgres.mjs';

const MANY = 1_000_000_000;
const HIGH_CAPS = { timezone: 'UTC', per_agent: MANY, total: MANY };
const FILLED_AT_ONCE = 2_000;
const LOOK_MS = 5;

let home;
const ownHome = async () => {
  if (home) return home;
  home = await mkdtemp(join(tmpdir(), 'opsloop-bench-home-'));
  process.on('exit', () => rmSync(home, { recursive: true, force: true }));
  return home;
};

/** An app on a database of the benchmark, with a step kind that does nothing, or nothing for `workMs`. */
export async function startApp(url, options = {}) {
  const { slots = 500, modelSlots = 2, workMs = 0, onStart, onQuery, parts, env, migrate = true } = options;
  const config = readConfig({
    OPSLOOP_HOME: await ownHome(),
    OPSLOOP_LLM: 'none',
    OPSLOOP_API_KEY: API_KEY,
    ...env,
  });
  const app = createOpsloop({
    config: { ...config, slots: { analyze: modelSlots } },
    databaseUrl: url,
    log: silentLog(),
    migrate,
    handlers: {
      noop: {
        usesModel: false,
        slots,
        async run({ step }) {
          onStart?.(step.input.title, step);
          if (workMs > 0) await pause(workMs);
          return { output: null };
        },
      },
    },
    parts: { heartbeat: false, files: false, webhooks: false, ...parts },
  });
  if (onQuery) timeQueries(app.database, onQuery);
  await app.ready;
  if (migrate) {
    await setPolicy(app.database, 'daily_caps', HIGH_CAPS, 'bench');
    await setPolicy(app.database, 'token_caps', { per_agent: 1e15, total: 1e15 }, 'bench');
    await setPolicy(app.database, 'plans', { noop: options.plan ?? ['noop'] }, 'bench');
    await setPolicy(app.database, 'auto_approve', { enabled: true, kinds: ['noop'] }, 'bench');
  }
  return app;
}

/** Tells how long each named statement took, with the wait for a connection. */
function timeQueries(database, onQuery) {
  const query = database.query;
  database.query = async (text, values, options) => {
    const began = nowMs();
    const rows = await query(text, values, options);
    const name = typeof options === 'string' ? options : options?.name;
    if (name) onQuery(name, began, nowMs() - began);
    return rows;
  };
}

const proposeTo =
  (app, body = null) =>
  (marks, agentId = 'pm') =>
    Promise.all(marks.map((title) => app.propose({ agentId, kind: 'noop', title, body, by: 'bench' })));

/** Until every event has its place in the log; what the log still owes must not be paid while we measure. */
export const untilSealed = (app) => until(async () => !((await app.health()).events.sealing_lag_ms > 0), 100);

export const untilAllDone = (pool, lookEveryMs = LOOK_MS) =>
  until(
    async () => (await pool.query("select from ops_missions where status = 'active' limit 1")).rowCount === 0,
    lookEveryMs,
  );

/** Keeps everything: proposal, mission, step, and every change as a sealed event. */
export function opsloop({ plan, agents = ['pm'], body, name = 'opsloop' } = {}) {
  return {
    name,
    spec: ['opsloop', { plan, agents, body, name }],
    keeps: 'proposal, mission, step, output, and every change as a sealed event',
    async prepare(url) {
      await (await startApp(url, { plan, parts: { worker: false } })).stop(0);
    },
    async fill(url, count) {
      const app = await startApp(url, { parts: { worker: false }, migrate: false });
      const propose = proposeTo(app, body);
      for (let from = 0; from < count; from += FILLED_AT_ONCE) {
        const titles = Array.from(
          { length: Math.min(FILLED_AT_ONCE, count - from) },
          (_, i) => `Step ${from + i}`,
        );
        await Promise.all(titles.map((title, i) => propose([title], agents[i % agents.length])));
      }
      await untilSealed(app);
      await withPool(url, (pool) => pool.query('vacuum analyze'));
      await app.stop(0);
    },
    /** Seconds from the first worker to the last completion that is committed. */
    drain: (url, { concurrency, lookEveryMs }) =>
      withPool(url, async (pool) => {
        const began = performance.now();
        const app = await startApp(url, { slots: concurrency, migrate: false });
        await untilAllDone(pool, lookEveryMs);
        const seconds = (performance.now() - began) / 1000;
        await app.stop(0);
        return seconds;
      }),
    /** Pays what a drain still owes to the log. */
    async settle(url) {
      const app = await startApp(url, { parts: { worker: false }, migrate: false });
      await untilSealed(app);
      await app.stop(0);
    },
    /** Works until it is stopped; `send` proposes in the same process. */
    async consume(url, { concurrency, ...options }) {
      const app = await startApp(url, { slots: concurrency, ...options, migrate: false });
      return { send: proposeTo(app), stop: () => app.stop(0) };
    },
    /** Only proposes. */
    async produce(url) {
      const app = await startApp(url, { parts: { worker: false }, migrate: false });
      return { send: proposeTo(app), stop: () => app.stop(0) };
    },
  };
}
