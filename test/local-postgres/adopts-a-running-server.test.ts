import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { attachLocalPostgres, startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { log, newHome, postmasterOf, processesIn, query } from './support.ts';

let home: string;
beforeAll(async () => {
  home = await newHome('file');
});

test('a second start adopts the running server, and its stop() ends it', async () => {
  const first = await startLocalPostgres({ home, log });
  const postmaster = await postmasterOf(first.dataDir);
  const second = await startLocalPostgres({ home, log });
  expect(second.adopted).toBe(true);
  expect(second.url).toBe(first.url);
  expect(await postmasterOf(second.dataDir)).toBe(postmaster);
  await second.stop();
  expect(await processesIn(second.dataDir)).toEqual([]);
  await first.stop();
});

test('it is found by its data folder even when the remembered port is lost', async () => {
  const first = await startLocalPostgres({ home, log });
  await rm(join(home, 'postgres', 'state.json'));
  const second = await startLocalPostgres({ home, log });
  expect(second).toMatchObject({ adopted: true, url: first.url });
  await second.stop();
});

test('attach gives the url of a running server and leaves it running', async () => {
  await expect(attachLocalPostgres({ home, log })).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('opsloop up'),
  });
  const server = await startLocalPostgres({ home, log });
  const attached = await attachLocalPostgres({ home, log });
  expect(attached.url).toBe(server.url);
  await attached.stop();
  expect(await query(attached.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
  await expect(attachLocalPostgres({ home, log })).rejects.toMatchObject({ code: 'database_unavailable' });
});
