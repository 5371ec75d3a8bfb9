import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { attachLocalPostgres, describeLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { filesBelow, makeCanaries, processList } from '../support/canaries.ts';
import { makeHome, runProgram, startUp } from '../support/process.ts';

const FOREIGN = 'a-secret-of-another-program-0123456789abcdef';

test('the key and the password stand in their files and nowhere else', async () => {
  await using embedded = await makeHome();
  const more = { OPSLOOP_LLM: 'none', OPSLOOP_LOG: 'trace', AWS_SECRET_ACCESS_KEY: FOREIGN };
  const running = await startUp(embedded, more);
  const { url: local } = await attachLocalPostgres({ home: embedded.path, log: silentLog() });
  const found = makeCanaries();
  found.add("the operator's key", await embedded.key());
  found.add('the password of PostgreSQL', new URL(local).password);
  found.add('a variable that is none of our business', FOREIGN);
  const doctor = await runProgram(['doctor', '--json'], { OPSLOOP_HOME: embedded.path, ...more });
  for (const { stdout, stderr } of [
    doctor,
    { stdout: running.program.stdout(), stderr: running.program.stderr() },
  ])
    expect(found.in(stdout + stderr)).toEqual([]);
  expect(found.in(processList())).toEqual([]);
  // PostgreSQL runs as another user, who can read its environment.
  const environments = execFileSync('pgrep', ['-x', 'postgres'], { encoding: 'utf8' }).trim().split('\n');
  for (const pid of environments) {
    const held = await readFile(`/proc/${pid}/environ`).catch(() => Buffer.alloc(0));
    expect(found.in(held)).toEqual([]);
  }
  running.program.signal('SIGTERM');
  await running.program.ended;
  const { dataDir } = await describeLocalPostgres(embedded.path);
  const place = dirname(dataDir ?? '');
  const folders = [embedded.path, ...(place.startsWith(embedded.path) ? [] : [place])];
  const files = folders.flatMap((path) => [...filesBelow(path)]);
  const holding = files.filter(([, { bytes }]) => found.in(bytes).length > 0);
  expect(
    holding.map(([path, { mode }]) => `${path.split('/').at(-1)} ${mode.toString(8)}`).toSorted(),
  ).toEqual(['operator.key 600', 'password 600']);
}, 90_000);
