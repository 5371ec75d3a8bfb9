import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { setLeftoverAside } from '../../src/db/local/postmaster.ts';
import { stateOf } from '../../src/db/local/processes.ts';
import { endAfterTest, isLinux, isRoot, log, newHome, postmasterOf, query, until } from './support.ts';

let home: string;
beforeAll(async () => {
  home = await newHome('file');
});

test('after kill -9 of the postmaster the next start recovers every committed row', async () => {
  const server = await startLocalPostgres({ home, log });
  await query(server.url, 'create table kept (id int)');
  await query(server.url, 'insert into kept select generate_series(1, 5000)');
  // A busy session keeps a child of the killed postmaster alive for a moment.
  const busy = new Client({ connectionString: server.url });
  busy.on('error', () => undefined);
  await busy.connect();
  const working = busy.query('select pg_sleep(30)').catch(() => undefined);

  process.kill(await postmasterOf(server.dataDir), 'SIGKILL');
  const again = await startLocalPostgres({ home, log });
  await working;
  expect(again).toMatchObject({ adopted: false, url: server.url });
  expect(await query(again.url, 'select count(*)::int as n from kept')).toEqual([{ n: 5000 }]);
  await again.stop();
});

test.skipIf(!isLinux)(
  'a postmaster.pid whose pid now belongs to another program does not block the start',
  async () => {
    const server = await startLocalPostgres({ home, log });
    const path = join(server.dataDir, 'postmaster.pid');
    const text = await readFile(path, 'utf8');
    await server.stop();
    const other = await spawned('sleep', ['60'], '/', server.dataDir);
    await writeFile(path, [String(other), ...text.split('\n').slice(1)].join('\n'));

    const again = await startLocalPostgres({ home, log });
    expect(again.adopted).toBe(false);
    expect(await readFile(`${path}.leftover`, 'utf8')).toContain(String(other));
    await again.stop();
  },
);

test.skipIf(!isLinux)('nor does a zombie, as left below a pid 1 that collects no children', async () => {
  const server = await startLocalPostgres({ home, log });
  const path = join(server.dataDir, 'postmaster.pid');
  const text = await readFile(path, 'utf8');
  await server.stop();
  const parent = await spawned('sh', ['-c', 'sleep 0 & exec sleep 60'], '/', server.dataDir);
  let zombie = 0;
  await until(async () => {
    zombie = Number(await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8'));
    return zombie > 0 && (await stateOf(zombie)) === 'Z';
  });
  await writeFile(path, [String(zombie), ...text.split('\n').slice(1)].join('\n'));

  const again = await startLocalPostgres({ home, log });
  expect(again.adopted).toBe(false);
  await again.stop();
});

test.skipIf(!isLinux)(
  'a postmaster.pid is left alone while any process works in the data folder',
  async () => {
    const server = await startLocalPostgres({ home, log });
    const path = join(server.dataDir, 'postmaster.pid');
    expect(await setLeftoverAside(server.dataDir)).toBe(false);
    await server.stop();
    const other = await spawned('sleep', ['60'], server.dataDir, server.dataDir);
    await writeFile(path, `${other}\n`);
    expect(await setLeftoverAside(server.dataDir)).toBe(false);
  },
);

/** A process of the user that owns the data, so that PostgreSQL takes its pid for a server's. */
async function spawned(file: string, args: string[], cwd: string, dataDir: string): Promise<number> {
  const { uid, gid } = await stat(dataDir);
  const child = spawn(file, args, { cwd, stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
  endAfterTest(child);
  await once(child, 'spawn');
  return child.pid ?? 0;
}
