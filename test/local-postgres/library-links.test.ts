import { chown, lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBinaries } from '../../src/db/local/binaries.ts';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { chooseUser, findUser, userOfUid } from '../../src/db/local/run-as.ts';
import { copyPackage, hostWith, isLinux, isRoot, log, newFolder, runChild } from './support.ts';

test.skipIf(!isLinux)(
  'links that no install script made are made at the first use, and nothing is copied',
  async () => {
    const folder = await newFolder();
    const native = await copyPackage(folder);
    const host = hostWith({ native });
    const server = await startLocalPostgres({ home: join(folder, 'home'), log, host });
    expect((await lstat(join(native, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true);
    expect(
      (await readdir(join(folder, 'home', 'postgres'))).filter((name) => name.startsWith('bin')),
    ).toEqual([]);
    await server.stop();
  },
);

test.skipIf(!isLinux)('two starters at once may make the same links', async () => {
  const folder = await newFolder();
  const host = hostWith({ native: await copyPackage(folder) });
  const user = await chooseUser(join(folder, 'none'), { ...host, findUser, userOfUid });
  const results = await Promise.all([1, 2, 3].map(() => prepareBinaries(host, user, folder)));
  expect(new Set(results.map((result) => result.folder))).toEqual(new Set([host.native]));
});

test.skipIf(!isRoot || !isLinux)(
  'where the package is read-only a whole copy in the home is used',
  async () => {
    const folder = await newFolder();
    const native = await copyPackage(folder);
    const user = await findUser('nobody');
    const code = `
    const { thisHost } = await import(process.cwd() + '/src/db/local/host.js');
    
    const host = { ...thisHost(), native: process.argv[2] };
    process.umask(0o077);
    const server = await local.startLocalPostgres({ home, log, host });
    say('started ' + server.version);
    await server.stop();
    const again = await local.startLocalPostgres({ home, log, host });
    await again.stop();
    say('twice');
  `;
    const home = join(folder, 'nobodys');
    await mkdir(home);
    await chown(home, user?.uid ?? 0, user?.gid ?? 0);
    const child = await runChild(code, { uid: user?.uid ?? 0, gid: user?.gid ?? 0, args: [home, native] });
    await child.ended;
    expect(child.output()).toContain('twice');
    const names = await readdir(join(home, 'postgres'));
    expect(names.filter((name) => name.startsWith('binaries-'))).toHaveLength(1);
    await expect(lstat(join(native, 'lib', 'libpq.so.5'))).rejects.toThrow('ENOENT');
  },
);
