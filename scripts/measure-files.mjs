// How fast task files are taken: from the rename into the inbox to the proposal's event on an idle system, with and
// without file events, and the rate at which a backlog is taken in. `node scripts/measure-files.mjs [files]`
import fs from 'node:fs';
import { mkdir, mkdtemp, chmod, rename, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../dist/app.js';
import { readConfig } from '../dist/config.js';
import { openDatabase } from '../dist/db/database.js';
import { startLocalPostgres } from '../dist/db/local/local-postgres.js';
import { silentLog } from '../dist/log.js';
import { setPolicy } from '../dist/policy/policy.js';

const backlog = Number(process.argv[2] ?? 10_000);
const home = await mkdtemp(join(tmpdir(), 'opsloop-measure-'));
await chmod(home, 0o711);
const log = silentLog();
const postgres = await startLocalPostgres({ home, log });
const database = openDatabase(postgres.url, { log });

/** An app on a fresh workspace; nothing works the steps, so that only the taking is measured. */
async function start(name) {
  const workspace = join(home, name);
  const inbox = join(workspace, 'inbox');
  const env = {
    OPSLOOP_HOME: home,
    OPSLOOP_WORKSPACE: workspace,
    OPSLOOP_FILES: 'process',
    OPSLOOP_LLM: 'none',
  };
  const begin = async () => {
    const app = createApp({
      config: readConfig(env),
      databaseUrl: postgres.url,
      log,
      parts: { worker: false, heartbeat: false },
    });
    await app.ready;
    const caps = { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 };
    await setPolicy(app.database, 'daily_caps', caps, 'measure');
    while (!app.bridge().isOwner()) await tick();
    return app;
  };
  await mkdir(inbox, { recursive: true });
  return { inbox, begin };
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
const taken = async (filename) => {
  const [row] = await database.query(
    "select count(*)::integer as n from ops_events where kind = 'file.task_created' and ($1::text is null or payload ->> 'filename' = $1)",
    [filename],
  );
  return row.n;
};

async function latency(name, drops) {
  const { inbox, begin } = await start(name);
  const app = await begin();
  const times = [];
  for (let i = 0; i < drops; i++) {
    const file = `${name}_${i}.txt`;
    await writeFile(join(inbox, '.hidden'), `Task ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
    const began = performance.now();
    await rename(join(inbox, '.hidden'), join(inbox, file));
    while ((await taken(file)) === 0) await tick();
    times.push(performance.now() - began);
  }
  await app.stop();
  times.sort((a, b) => a - b);
  const at = (share) => Math.round(times[Math.min(drops - 1, Math.floor(drops * share))]);
  console.log(
    `${name.padEnd(22)} ${drops} files   p50 ${at(0.5)} ms   p95 ${at(0.95)} ms   max ${Math.round(times[drops - 1])} ms`,
  );
}

async function rate() {
  const { inbox, begin } = await start('backlog');
  for (let i = 0; i < backlog; i++)
    await writeFile(join(inbox, `b_${String(i).padStart(6, '0')}.txt`), `Task number ${i}.`);
  const before = await taken(null);
  const app = await begin();
  const began = performance.now();
  let first = 0;
  let most = 0;
  for (let n = 0; n < backlog; n = (await taken(null)) - before) {
    if (n > 0 && first === 0) first = performance.now();
    most = Math.max(most, process.memoryUsage().rss);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const ended = performance.now();
  await app.stop();
  console.log(
    `backlog of ${backlog}       ${Math.round(backlog / ((ended - first) / 1000))} a second   first after ${Math.round(first - began)} ms   memory ${Math.round(most / 1_048_576)} MB`,
  );
}

try {
  await latency('with file events', 100);
  await rate();
  fs.watch = () => {
    throw new Error('no file events here');
  };
  syncBuiltinESMExports();
  await latency('without file events', 20);
} finally {
  await database.close();
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
}
