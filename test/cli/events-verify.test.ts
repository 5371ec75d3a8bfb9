import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureLogKey } from '../../src/events/proof/key.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import type { Verdict } from '../../src/events/proof/verify.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, sealSome, tamper } from '../support/sealed-log.ts';
import { runProgram } from '../support/process.ts';

const db = useDatabase();
const home = emptyHome();
const run = (...args: string[]) =>
  runProgram(['events', ...args], { OPSLOOP_HOME: home, DATABASE_URL: db.url, OPSLOOP_LOG: 'silent' });

test('a whole log: what was checked, at which rate, and exit code 0', async () => {
  await sealSome(db.database, 20);
  await signChainEnd(db.database, home);
  const { code, stdout, stderr } = await run('verify');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('is what was sealed');
  expect(stdout).toMatch(/checked +\d+ events in [\d.]+ s, [\d,]+ a second/);
  expect(stdout).toMatch(/signed heads +1 are in the chain/);
});

test('an altered row: named with its place, exit code 1, also for programs', async () => {
  const [row] = await db.database.query<{ id: number }>('select max(id) - 5 as id from ops_events');
  await db.database.transaction((tx) =>
    tamper(tx, `update ops_events set payload = '{"n": 0}' where id = ${row?.id}`),
  );
  const told = await run('verify');
  expect(told.code).toBe(1);
  expect(told.stdout).toContain('IS NOT WHAT WAS SEALED');
  expect(told.stdout).toContain(
    `Event ${row?.id} (place ${row?.id}) is not what was sealed: its row was altered.`,
  );
  expect(told.stdout).toContain('what to do');
  const { code, stdout } = await run('verify', '--json');
  const verdict = JSON.parse(stdout) as Verdict;
  expect([code, verdict.ok]).toEqual([1, false]);
  expect(verdict.offence).toMatchObject({ kind: 'altered', event_id: row?.id, seq: row?.id });
});

test('the public key is printed, and what is no such key is not trusted', async () => {
  const { code, stdout } = await run('key');
  expect([code, stdout.trim()]).toEqual([0, (await ensureLogKey(home)).publicPem.trim()]);
  const file = join(home, 'this.pub');
  await writeFile(file, stdout);
  expect((await run('verify', '--trust', file)).code).toBe(1);
  await writeFile(file, 'hello');
  const refused = await run('verify', '--trust', file);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('opsloop events key')]);
  const none = await runProgram(['events', 'key'], { OPSLOOP_HOME: emptyHome() });
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('opsloop up')]);
});
