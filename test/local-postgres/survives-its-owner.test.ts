import { beforeAll, expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { homeOwner, lockHome } from '../../src/db/local/lock.ts';
import { log, newHome, postmasterOf, query, runChild } from './support.ts';

let home: string;
beforeAll(async () => {
  home = await newHome('file');
});

const owner = `
  await lock.lockHome(home, { port: 1 });
  const server = await local.startLocalPostgres({ home, log });
  say('ready ' + server.adopted);
  await forever();
`;

test('kill -9 of the owner leaves the server; the next owner adopts and stops it', async () => {
  const child = await runChild(owner, { args: [home] });
  await child.said('ready false');
  expect(await homeOwner(home)).toMatchObject({ pid: child.process.pid, port: 1 });
  child.process.kill('SIGKILL');
  await child.ended;

  expect(await homeOwner(home)).toBeNull();
  const lock = await lockHome(home, {});
  const server = await startLocalPostgres({ home, log });
  expect(server.adopted).toBe(true);
  await server.stop();
  await expect(postmasterOf(server.dataDir)).rejects.toThrow('ENOENT');
  await lock.release();
});

test('Ctrl+C on the terminal, a SIGINT to the whole process group, does not reach the server', async () => {
  const child = await runChild(owner, { args: [home], detached: true });
  await child.said('ready false');
  process.kill(-(child.process.pid ?? Number.NaN), 'SIGINT');
  await child.ended;

  const server = await startLocalPostgres({ home, log });
  expect(server.adopted).toBe(true);
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});
