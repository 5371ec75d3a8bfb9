import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeLocalPostgres, startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { log, newHome, query } from './support.ts';

let home: string;
beforeAll(async () => {
  home = await newHome('file');
});

test('the port stays the same while it is free, and moves when it is taken', async () => {
  const first = await startLocalPostgres({ home, log });
  await first.stop();
  const second = await startLocalPostgres({ home, log });
  expect(second.url).toBe(first.url);
  await second.stop();

  const squatter = createServer().listen(Number(new URL(first.url).port), '127.0.0.1');
  await once(squatter, 'listening');
  const third = await startLocalPostgres({ home, log });
  expect(new URL(third.url).port).not.toBe(new URL(first.url).port);
  expect(await query(third.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await third.stop();
  squatter.close();
});

test('extra settings apply to the next start, are rewritten, and cannot move the server', async () => {
  const first = await startLocalPostgres({
    home,
    log,
    settings: { work_mem: '9MB', application_name: `o'clock \\ x` },
  });
  const show = `select current_setting('work_mem') as mem, reset_val as name from pg_settings where name = 'log_line_prefix'`;
  expect(await query(first.url, show)).toEqual([{ mem: '9MB', name: '%m [%p] %a ' }]);
  await first.stop();
  const second = await startLocalPostgres({ home, log });
  expect(await query(second.url, show)).toMatchObject([{ mem: '4MB' }]);
  const conf = await readFile(join(second.dataDir, 'postgresql.conf'), 'utf8');
  expect(conf.match(/opsloop\.conf/g)).toHaveLength(1);
  await second.stop();
  const refused: Record<string, string>[] = [
    { listen_addresses: '*' },
    { PORT: '1' },
    { "a'b": '1' },
    { work_mem: '1\n2' },
  ];
  for (const settings of refused) {
    await expect(startLocalPostgres({ home, log, settings })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  }
});

test('a start that cannot work fails at once with the end of the log, which stays bounded', async () => {
  const server = await startLocalPostgres({ home, log });
  await server.stop();
  await writeFile(server.logFile, 'x'.repeat(11 * 1024 * 1024));
  const before = Date.now();
  await expect(startLocalPostgres({ home, log, settings: { work_mem: 'plenty' } })).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringMatching(/work_mem.*plenty/s),
  });
  expect(Date.now() - before).toBeLessThan(10_000);
  expect((await stat(server.logFile)).size).toBeLessThan(10_000);
  expect((await stat(`${server.logFile}.1`)).size).toBe(11 * 1024 * 1024);
});

test('describe tells what is there without starting it', async () => {
  const unused = await newHome();
  expect(await describeLocalPostgres(unused)).toMatchObject({
    created: false,
    running: false,
    dataDir: null,
    problems: [],
  });
  await expect(stat(unused)).rejects.toThrow('ENOENT');
  const server = await startLocalPostgres({ home, log });
  const facts = { created: true, dataDir: server.dataDir, runsAs: server.runsAs, problems: [] };
  expect(await describeLocalPostgres(home)).toMatchObject({
    ...facts,
    running: true,
    version: server.version,
  });
  await server.stop();
  expect(await describeLocalPostgres(home)).toMatchObject({ ...facts, running: false });
});
