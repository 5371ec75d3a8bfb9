import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { attachLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { makeHome, runProgram, startUp } from '../support/process.ts';

type Health = { backups: { last_at: string | null; every_hours: number }; problems: string[] };

test('`up` makes and verifies a backup by itself when one is due, as after days off; doctor shows it', async () => {
  await using home = await makeHome();
  const env = { OPSLOOP_LLM: 'none' };
  const up = await startUp(home, env, ['--no-sample']);
  const local = await attachLocalPostgres({ home: home.path, log: silentLog() });
  const database = openDatabase(local.url, { log: silentLog(), max: 1 });
  expect((await up.call<Health>('GET', '/api/ops/health')).backups).toMatchObject({
    every_hours: 24,
    last_at: null,
  });
  // As if it had been made days ago, and off since.
  await database.query(`update ops_migrations set applied_at = applied_at - interval '3 days'`);
  const doctor = await runProgram(['doctor'], { OPSLOOP_HOME: home.path, ...env });
  expect(doctor.stdout).toMatch(/BAD\s+backups\s+There is no backup that counts, .* one is due every 24 h/);

  const [made] = await eventually(async () => {
    const rows = await database.query<{ entity_id: string; payload: { verified: boolean } }>(
      `select entity_id, payload from ops_events where kind = 'backup.made'`,
    );
    return rows.length > 0 && rows;
  }, 60_000);
  expect(made?.payload.verified).toBe(true);
  const folder = join(home.path, 'backups');
  expect(await readdir(folder)).toEqual([made?.entity_id]);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const { backups, problems } = await up.call<Health>('GET', '/api/ops/health');
  expect(backups.last_at).not.toBeNull();
  expect(problems.join()).not.toContain('backup');
  await database.close();
  up.program.signal('SIGTERM');
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
}, 120_000);
