import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { countRelations } from '../../src/backup/queries.ts';
import { backUp } from '../support/backup.ts';
import { directAddressOf, onServer, useDatabase } from '../support/database.ts';
import { eventually } from '../support/loop.ts';
import { makeHome, runProgram, startProgram } from '../support/process.ts';
import { emptyHome, sealSome } from '../support/sealed-log.ts';

const original = useDatabase();
const target = useDatabase('empty');

beforeAll(async () => {
  // Large enough to be met in the middle.
  for (let n = 0; n < 4; n++) await sealSome(original.database, 50_000);
});

/** A copy of this direction is under way, and rows have gone through. */
const copying = (command: string) => async () => {
  const rows = await onServer<{ pid: number }>(
    `select pid from pg_stat_progress_copy where command = '${command}' and tuples_processed > 20000`,
  );
  return rows[0] ?? null;
};
const envOf = (home: { path: string }, url: string) => ({
  OPSLOOP_HOME: home.path,
  DATABASE_URL: url,
  OPSLOOP_LOG: 'silent',
});

test('a backup killed with -9 leaves nothing that looks like one, and the next one tidies it away', async () => {
  await using home = await makeHome();
  const folder = join(home.path, 'backups');
  const program = startProgram(['backup'], envOf(home, original.directUrl));
  await eventually(copying('COPY TO'));
  program.signal('SIGKILL');
  await program.ended;
  const left = await readdir(folder);
  expect(left).toEqual([expect.stringMatching(/^\..*\.partial$/)]);

  const again = await runProgram(['--json', 'backup', '--no-verify'], envOf(home, original.directUrl));
  expect(again.code).toBe(0);
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^opsloop-.*\.backup$/)]);
});

test('a backup that is asked to stop ends at once and leaves nothing', async () => {
  await using home = await makeHome();
  const program = startProgram(['--json', 'backup'], envOf(home, original.directUrl));
  await eventually(copying('COPY TO'));
  program.signal('SIGTERM');
  expect((await program.ended).code).toBe(130);
  expect(JSON.parse(program.stdout())).toMatchObject({
    code: 'stopped',
    error: 'Stopped. No backup was made.',
  });
  expect(await readdir(join(home.path, 'backups'))).toEqual([]);
});

test('a restore that is asked to stop ends at once and leaves the database as empty as it was', async () => {
  await using home = await makeHome();
  const { file } = await backUp(original.database, emptyHome());
  const program = startProgram(['--json', 'restore', file], envOf(home, target.directUrl));
  await eventually(copying('COPY FROM'));
  program.signal('SIGINT');
  expect((await program.ended).code).toBe(130);
  expect(JSON.parse(program.stdout())).toMatchObject({ code: 'stopped' });
  expect(await countRelations(target.database)).toBe(0);
});

test('a restore killed with -9 leaves an empty database, into which it can be restored again', async () => {
  await using home = await makeHome();
  const { file } = await backUp(original.database, emptyHome());
  const env = envOf(home, target.directUrl);
  const program = startProgram(['restore', file], env);
  const { pid } = await eventually(copying('COPY FROM'));
  program.signal('SIGKILL');
  await program.ended;
  await eventually(
    async () => (await onServer(`select from pg_stat_activity where pid = ${pid}`)).length === 0,
  );
  expect(await countRelations(target.database)).toBe(0);
  expect((await readdir(home.path)).filter((name) => name.startsWith('log-'))).toEqual([]);

  const again = await runProgram(['--json', 'restore', file], env);
  expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { check: { ok: true }, kept: [] }]);
  const third = await runProgram(['restore', file], env);
  expect([third.code, third.stderr]).toEqual([6, expect.stringContaining('Refusing to overwrite')]);
});

test('a restore into a home that is in use is refused', async () => {
  await using home = await makeHome();
  await mkdir(home.path, { recursive: true });
  const name = new URL(target.directUrl).pathname.slice(1);
  const env = envOf(home, directAddressOf(name));
  const up = startProgram(['up', '--port', '0', '--no-sample'], env);
  await up.says('Ctrl+C stops everything', 60_000);
  const { code, stderr } = await runProgram(['restore', 'x.backup'], env);
  expect([code, stderr]).toEqual([6, expect.stringContaining('Another opsloop')]);
  up.signal('SIGTERM');
  await up.ended;
});
