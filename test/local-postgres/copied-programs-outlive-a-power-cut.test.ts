import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBinaries } from '../../src/db/local/binaries.ts';
import { chooseUser } from '../../src/db/local/run-as.ts';
import { makeDisk, whyNoDisk } from '../support/disk-that-loses-power.ts';
import { copyPackage, hostWith, newFolder } from './support.ts';

test.skipIf(whyNoDisk() !== null)(
  'programs that were copied are whole after a power cut',
  async () => {
    await using disk = await makeDisk();
    const closed = join(await newFolder(), 'root-only');
    await mkdir(closed, { mode: 0o700 });
    const native = await copyPackage(join(closed, 'checkout'));
    const host = hostWith({ native });
    const place = join(disk.path, 'place');
    await mkdir(place);
    await chmod(place, 0o711);
    const { folder } = await prepareBinaries(host, await chooseUser(join(place, 'data'), host), place);
    expect(relative(place, folder)).toMatch(/^binaries-/);
    const before = await sizesOf(folder);
    disk.losePower();
    disk.mountAgain();
    expect(await sizesOf(folder).catch(() => 'it is gone')).toEqual(before);
  },
  60_000,
);

async function sizesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  return Promise.all(
    names.map(async (name) => {
      const { size, blocks } = await stat(join(folder, name));
      return `${name} ${size} ${blocks > 0}`;
    }),
  );
}
