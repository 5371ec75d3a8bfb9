import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { homeOwner, lockHome } from '../../src/db/local/lock.ts';
import { isLinux, newHome, runChild } from './support.ts';

test('a held home is refused with who, since when and what to do; a released one is free', async () => {
  const home = await newHome();
  const lock = await lockHome(home, { port: 8787 });
  expect(await homeOwner(home)).toMatchObject({ pid: process.pid, port: 8787 });
  const refusal = await lockHome(home, {}).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'already_running', details: { home, pid: process.pid, port: 8787 } });
  expect(String(refusal)).toMatch(/process \d+, port 8787.* since \d{4}-.*OPSLOOP_HOME/);
  await lock.release();
  expect(await homeOwner(home)).toBeNull();
  await (await lockHome(home, {})).release();
});

test('the lock of a process that ended is taken over', async () => {
  const home = await newHome();
  const child = await runChild('await lock.lockHome(home, {}); say("held")', { args: [home] });
  await child.ended;
  expect(child.output()).toContain('held');
  expect(await homeOwner(home)).toBeNull();
  await (await lockHome(home, {})).release();
});

test.skipIf(!isLinux)('a pid that was given to another process does not hold the lock', async () => {
  const home = await newHome();
  await lockHome(home, {});
  await rewriteLock(home, { start: 'another-boot:1' });
  expect(await homeOwner(home)).toBeNull();
  await (await lockHome(home, {})).release();
});

test('a damaged lock file locks nothing', async () => {
  const home = await newHome();
  await lockHome(home, {});
  await writeFile(join(home, 'lock', '1'), '');
  expect(await homeOwner(home)).toBeNull();
  await (await lockHome(home, {})).release();
});

test.skipIf(!isLinux)('of processes that race for a stale lock exactly one gets it, every time', async () => {
  const home = await newHome();
  await lockHome(home, {});
  const code = `
    const { existsSync } = await import('node:fs');
    for (let round = 1; round <= 12; round++) {
      while (!existsSync(home + '/go-' + round)) if (isOrphan()) process.exit();
      const wins = await Promise.all([1, 2, 3].map(() => lock.lockHome(home, {}).then(() => 1, (error) => {
        if (error.code !== 'already_running') throw error;
        return 0;
      })));
      say('round ' + round + ': ' + wins.reduce((a, b) => a + b) + '.');
    }
    // A winner that ended would rightly lose its lock to a slower child.
    await forever();
  `;
  const children = await Promise.all([1, 2, 3].map(() => runChild(code, { args: [home] })));
  for (let round = 1; round <= 12; round++) {
    // Whoever won the last round "died", so every round is a race over a stale lock.
    await rewriteLock(home, { start: 'another-boot:1' });
    await writeFile(join(home, `go-${round}`), '');
    await Promise.all(children.map((child) => child.said(`round ${round}: `)));
    const output = children.map((child) => child.output()).join('');
    const wins = [...output.matchAll(new RegExp(`round ${round}: (\\d+)\\.`, 'g'))].map((match) =>
      Number(match[1]),
    );
    expect(wins, output).toHaveLength(3);
    expect(
      wins.reduce((sum, count) => sum + count, 0),
      output,
    ).toBe(1);
  }
  expect((await readdir(join(home, 'lock'))).length).toBeLessThanOrEqual(2);
});

/** Changes the newest lock file. */
async function rewriteLock(home: string, change: object): Promise<void> {
  const names = await readdir(join(home, 'lock'));
  const path = join(home, 'lock', String(Math.max(...names.map(Number).filter(Number.isInteger))));
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
}
