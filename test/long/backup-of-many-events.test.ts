import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Made } from '../../src/backup/make.ts';
import type { Restored } from '../../src/backup/restore.ts';
import { createApp } from '../../src/app.ts';
import { migrate } from '../../src/db/migrate.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { silentLog } from '../../src/log.ts';
import { testConfig } from '../support/app.ts';
import { useDatabase } from '../support/database.ts';
import { tell } from '../support/figures.ts';
import { makeFirstSchema } from '../support/first-schema.ts';
import { openPolicy } from '../support/loop.ts';
import { runProgram, startProgram } from '../support/process.ts';
import { count, partOf } from '../support/proof.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase('empty');
const copy = useDatabase('empty');
const home = emptyHome();
const CLIENTS = 8;
const WINDOW_MS = 15_000;
const EVENTS = partOf(1_000_000);

test(`${count(EVENTS)} events beside a working server: what a backup, its check and a restore take, and what they cost it`, async () => {
  const one = db.open(1);
  await makeFirstSchema(one, home, EVENTS);
  await migrate(one);
  await one.query('vacuum analyze', undefined, { limitMs: 600_000 });
  await openPolicy(db.database);
  const config = { ...testConfig({ OPSLOOP_LLM: 'extractive' }), home };
  const parts = { files: false, schedules: false, webhooks: false };
  const app = createApp({ config, databaseUrl: db.url, log: silentLog(), parts });
  await app.ready;

  /** Proposals from request to answer, by clients that never rest, until told to stop. */
  const load = async (until: () => boolean) => {
    const times: number[] = [];
    const began = performance.now();
    const client = async () => {
      while (!until()) {
        const from = performance.now();
        await app.propose({
          agentId: 'pm',
          kind: 'analysis',
          title: 'Load',
          body: 'A fact. Two.',
          by: 'test',
        });
        times.push(performance.now() - from);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    times.sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
    return { rate: Math.round(times.length / ((performance.now() - began) / 1_000)), p99: p99.toFixed(1) };
  };
  const end = () => {
    const at = performance.now() + WINDOW_MS;
    return () => performance.now() > at;
  };
  await load(end());
  const alone = await load(end());

  const env = { OPSLOOP_HOME: home, DATABASE_URL: db.directUrl, OPSLOOP_LOG: 'silent' };
  mkdirSync(join(home, 'backups'), { recursive: true });
  const during = async (args: string[]) => {
    const program = startProgram(['--json', 'backup', ...args], env);
    let over = false;
    void program.ended.then(() => (over = true));
    const figures = await load(() => over);
    const { code } = await program.ended;
    expect([code, program.stderr()]).toEqual([0, '']);
    return { ...figures, made: JSON.parse(program.stdout()) as Made };
  };
  const taking = await during(['--no-verify']);
  const checked = await during([]);
  await app.stop(1_000);

  const other = emptyHome();
  const restored = await runProgram(['--json', 'restore', checked.made.file], {
    ...env,
    OPSLOOP_HOME: other,
    DATABASE_URL: copy.directUrl,
  });
  expect([restored.code, restored.stderr]).toEqual([0, '']);
  const result = JSON.parse(restored.stdout) as Restored;
  expect(result.rows).toBe(checked.made.rows);
  expect(await verifyLog(copy.database, { home: other })).toMatchObject({ ok: true });

  const [size] = await db.database.query<{ mb: number }>(
    'select (pg_database_size(current_database()) / 1048576)::integer as mb',
  );
  tell('backup', {
    rows: checked.made.rows,
    'database MB': size?.mb ?? 0,
    'file MB': Math.round(checked.made.bytes / 2 ** 20),
    'taking s (loaded)': taking.made.seconds.taking,
    'checking s (loaded)': checked.made.seconds.checking ?? 0,
    'restoring s (idle)': result.seconds,
  });
  tell('proposals a second (p99 ms)', {
    alone: `${alone.rate} (${alone.p99})`,
    'while taking': `${taking.rate} (${taking.p99})`,
    'while taking and checking': `${checked.rate} (${checked.p99})`,
  });
  // Two processors are shared by the load, its server and the backup.
  expect(taking.rate).toBeGreaterThan(alone.rate * 0.4);
});
