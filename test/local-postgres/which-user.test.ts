import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { findUser } from '../../src/db/local/run-as.ts';
import {
  copyPackage,
  hostWith,
  isLinux,
  isRoot,
  log,
  newFolder,
  newHome,
  query,
  runChild,
} from './support.ts';

describe.skipIf(!isRoot || !isLinux)('as root', () => {
  test('below a closed folder the programs are copied and the cluster is put where its user can reach it', async () => {
    const folder = await newFolder();
    const closed = join(folder, 'root-only');
    await mkdir(closed, { mode: 0o700 });
    const native = await copyPackage(join(closed, 'checkout'));
    const host = hostWith({ native, outside: join(folder, 'outside') });
    const home = join(closed, 'home');
    const server = await startLocalPostgres({ home, log, host });
    const place = join(server.dataDir, '..');
    expect(place.startsWith(join(folder, 'outside'))).toBe(true);
    expect((await readdir(place)).some((name) => name.startsWith('binaries-'))).toBe(true);
    await query(server.url, 'create table kept (id int)');
    await server.stop();

    // The home remembers the place; what is secret is root's alone.
    const again = await startLocalPostgres({ home, log, host });
    expect(again).toMatchObject({ dataDir: server.dataDir, adopted: false, url: server.url });
    expect(await query(again.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
    expect(await stat(join(home, 'postgres', 'password'))).toMatchObject({ uid: 0 });
    expect((await stat(join(home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
    expect(await readFile(again.logFile, 'utf8')).toContain('ready to accept connections');
    await again.stop();
  });

  test('without a user postgres it runs as nobody, later as the owner of the data, and not when that is root', async () => {
    const home = await newHome();
    const withoutPostgres = hostWith({
      findUser: async (name) => (name.endsWith('postgres') ? null : findUser(name)),
    });
    const server = await startLocalPostgres({ home, log, host: withoutPostgres });
    expect(server.runsAs).toBe('nobody');
    await server.stop();
    const again = await startLocalPostgres({ home, log });
    expect(again.runsAs).toBe('nobody');
    await again.stop();

    await chown(server.dataDir, 0, 0);
    await expect(startLocalPostgres({ home, log })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('chown'),
    });
  });

  test('without any user to run as it says what to do', async () => {
    const host = hostWith({ findUser: async () => null });
    await expect(startLocalPostgres({ home: await newHome(), log, host })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/does not run as root.*useradd.*DATABASE_URL/s),
    });
  });

  test('an ordinary user runs it as itself, with everything in the home', async () => {
    const folder = await newFolder();
    const user = await findUser('nobody');
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o700 });
    await chown(home, user?.uid ?? 0, user?.gid ?? 0);
    await chmod(home, 0o700);
    const code = `
      const server = await local.startLocalPostgres({ home, log });
      say(JSON.stringify(server));
      const facts = await local.describeLocalPostgres(home);
      say('running ' + facts.running + ' ' + facts.problems.length);
      await server.stop();
      say('stopped');
    `;
    const child = await runChild(code, { uid: user?.uid ?? 0, gid: user?.gid ?? 0, args: [home] });
    await child.ended;
    expect(child.output()).toContain('running true 0');
    expect(child.output()).toContain('stopped');
    expect(child.output()).toContain(`"dataDir":"${home}/postgres/data"`);
    const { stdout } = await promisify(execFile)('find', [home, '!', '-user', 'nobody']);
    expect(stdout).toBe('');
  });
});
