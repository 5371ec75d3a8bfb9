import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeDisk, whyNoDisk } from '../support/disk-that-loses-power.ts';
import { killFamily, postmasterOf } from '../support/kill-postgres.ts';
import {
  comesUpWhole,
  isUnderWay,
  prepareHome,
  sizeOf,
  startLoad,
  startUpAt,
} from '../support/load-on-a-home.ts';
import { eventually } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';
import { randomOf, seedOf } from '../support/random.ts';

/**
 * The home is on a disk of its own, and what was not synced is gone from one moment to the next. Unlike kill -9, which
 * leaves all that was written to the kernel.
 */
const why = whyNoDisk();
if (why !== null) process.stderr.write(`power-cuts-lose-nothing is skipped: ${why}\n`);

const CUTS = partOf(40, 1);
const LOST = 'nobody asked for this to be on the disk';

test.skipIf(why !== null)(
  `${CUTS} times the power is cut: nothing is lost that was acknowledged, and each file is done once`,
  async () => {
    const random = randomOf(seedOf('power cuts'));
    await using disk = await makeDisk();
    const home = join(disk.path, 'home');
    await mkdir(home, { mode: 0o711 });
    let up = await prepareHome(home);
    let writes = 0;
    for (let n = 0; n < CUTS; n++) {
      const load = startLoad(home, up, `cut-${n}`);
      const wanted = 20 + random() * 60;
      await eventually(async () => isUnderWay(load.acknowledged, wanted), 60_000);
      await pause(random() * 200);
      await writeFile(join(disk.path, `lost-${n}`), LOST);
      const acknowledged = load.untilNow();
      const postmaster = await postmasterOf(join(home, 'postgres/data'));
      disk.losePower();
      up.program.signal('SIGKILL');
      await up.program.ended;
      await load.stop();
      killFamily(postmaster);
      await eventually(async () => mounted(disk.mountAgain), 30_000);

      // Else this shows no more than a kill does.
      expect(await readFile(join(disk.path, `lost-${n}`), 'utf8').catch(() => '')).not.toBe(LOST);
      await comesUpWhole(home, acknowledged);
      expect(acknowledged.files.size).toBeGreaterThan(0);
      writes += sizeOf(acknowledged);
      if (n < CUTS - 1) up = await startUpAt(home);
    }
    figure(
      'power cuts that lost what was acknowledged',
      '0 of 40',
      `0 of ${CUTS}, ${count(writes)} acknowledged writes`,
    );
  },
  3_600_000,
);

/** A process that is ending still holds its files for a moment. */
function mounted(mountAgain: () => void): boolean {
  try {
    mountAgain();
    return true;
  } catch {
    return false;
  }
}
