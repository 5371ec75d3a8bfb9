import { chown, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isThere } from '../../src/lib/files.ts';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { isLinux, isRoot, killProcessesIn, log, newHome, query, runChild, until } from './support.ts';

test.skipIf(!isLinux)(
  'a creation that is killed in the middle leaves nothing that looks like a cluster',
  async () => {
    const home = await newHome();
    const folder = join(home, 'postgres');
    const child = await runChild('await local.startLocalPostgres({ home, log });', { args: [home] });
    await until(async () => {
      const half = (await readdir(folder).catch(() => [])).find((name) => name.startsWith('init-'));
      return half !== undefined && (await isThere(join(folder, half, 'data', 'PG_VERSION')));
    });
    child.process.kill('SIGKILL');
    await child.ended;
    // initdb itself lives on in its session; its bootstrap server works in the folder, so it is found there.
    await until(async () => (await killProcessesIn(folder)) === 0);
    expect(await readdir(folder)).not.toContain('data');

    const server = await startLocalPostgres({ home, log });
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect((await readdir(folder)).filter((name) => name.startsWith('init-'))).toEqual([]);
    await server.stop();
  },
);

test('a data folder that is no cluster is neither used nor removed', async () => {
  const home = await newHome();
  const dataDir = join(home, 'postgres', 'data');
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'precious'), 'x');
  if (isRoot) await chown(dataDir, 65_534, 65_534);
  await expect(startLocalPostgres({ home, log })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('PG_VERSION'),
  });
  expect(await readdir(dataDir)).toEqual(['precious']);
});

test('a cluster that was made and is gone, as from a disk that is not mounted, is not made anew', async () => {
  const home = await newHome();
  const server = await startLocalPostgres({ home, log });
  await server.stop();
  await rename(server.dataDir, `${server.dataDir}.elsewhere`);
  await expect(startLocalPostgres({ home, log })).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining(server.dataDir),
  });
  await rename(`${server.dataDir}.elsewhere`, server.dataDir);
  await (await startLocalPostgres({ home, log })).stop();
});
