import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { postmasterOf } from '../support/kill-postgres.ts';
import { comesUpWhole, isUnderWay, prepareHome, sizeOf, startLoad } from '../support/load-on-a-home.ts';
import { eventually } from '../support/loop.ts';
import { makeHome } from '../support/process.ts';
import { childrenOf, signalTo } from '../support/processes.ts';
import { count, figure, partOf } from '../support/proof.ts';
import { randomOf, seedOf } from '../support/random.ts';

const COPIES = partOf(40, 1);

test(`${COPIES} copies of a working home at random moments come up with nothing lost that was acknowledged`, async () => {
  const random = randomOf(seedOf('crash copies'));
  await using home = await makeHome();
  const up = await prepareHome(home.path);
  let writes = 0;
  for (let n = 0; n < COPIES; n++) {
    const load = startLoad(home.path, up, `copy-${n}`);
    const wanted = 20 + random() * 60;
    await eventually(async () => isUnderWay(load.acknowledged, wanted), 60_000);
    await pause(random() * 200);
    const acknowledged = load.untilNow();
    const copy = await copyWhileStopped(home.path, up.program.pid);
    await load.stop();
    try {
      await comesUpWhole(copy, acknowledged);
    } finally {
      await rm(copy, { recursive: true });
    }
    expect(acknowledged.files.size).toBeGreaterThan(0);
    writes += sizeOf(acknowledged);
  }
  up.program.signal('SIGTERM');
  await up.program.ended;
  figure(
    'crash copies of data and workspace that lost what was acknowledged',
    '0 of 40',
    `0 of ${COPIES}, ${count(writes)} acknowledged writes`,
  );
}, 3_600_000);

/** Everything stands still while it is copied, so that the copy shows one moment, as a crash does. */
async function copyWhileStopped(home: string, server: number): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'opsloop-copy-'));
  await chmod(copy, 0o711);
  const postmaster = await postmasterOf(join(home, 'postgres/data'));
  const stopped: number[] = [];
  const stop = (pids: number[]) => {
    for (const pid of pids) if (signalTo(pid, 'SIGSTOP')) stopped.push(pid);
  };
  try {
    // The postmaster before its children, so that it makes no more.
    stop([server, postmaster]);
    stop(childrenOf(server));
    stop(childrenOf(postmaster));
    execFileSync('cp', ['-a', '--reflink=auto', `${home}/.`, copy]);
  } finally {
    for (const pid of stopped) signalTo(pid, 'SIGCONT');
  }
  // A crash would have ended who holds them; these live on.
  for (const lock of ['lock', 'postgres/start-lock'])
    for (const name of await readdir(join(copy, lock))) await rm(join(copy, lock, name));
  return copy;
}
