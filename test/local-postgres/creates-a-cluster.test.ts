import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { isLinux, log, newHome, postmasterOf, query, statOf } from './support.ts';

let home: string;
beforeAll(async () => {
  home = await newHome('file');
});

test('the first start makes a durable UTF8 cluster on loopback and gives its url', async () => {
  const server = await startLocalPostgres({ home, log });
  expect(server).toMatchObject({ adopted: false, dataDir: join(home, 'postgres', 'data') });
  expect(server.version).toMatch(/^18\./);

  const names = [
    'server_encoding',
    'client_encoding',
    'lc_messages',
    'fsync',
    'synchronous_commit',
    'full_page_writes',
    'listen_addresses',
    'unix_socket_directories',
    'password_encryption',
    'data_checksums',
    'TimeZone',
    'log_timezone',
    'max_connections',
    'shared_buffers',
    'max_wal_size',
    'wal_level',
  ];
  const rows = await query(
    server.url,
    `select name, current_setting(name) as value from pg_settings
    where name in (${names.map((name) => `'${name}'`).join(', ')})`,
  );
  expect(Object.fromEntries(rows.map((row) => [row.name, row.value]))).toEqual({
    server_encoding: 'UTF8',
    client_encoding: 'UTF8',
    lc_messages: 'C',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    data_checksums: 'on',
    TimeZone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '200',
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    wal_level: 'replica',
  });
  const facts = await query(
    server.url,
    `select datname, datcollate, datctype, current_user as who,
    (select array_agg(distinct auth_method) from pg_hba_file_rules) as methods
    from pg_database where datname = current_database()`,
  );
  expect(facts).toEqual([
    { datname: 'opsloop', datcollate: 'C', datctype: 'C', who: 'opsloop', methods: ['scram-sha-256'] },
  ]);
  await server.stop();
  await expect(query(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
});

test('a wrong password is refused, and only our user can read the right one', async () => {
  const server = await startLocalPostgres({ home, log });
  const url = new URL(server.url);
  url.password = 'guess';
  const client = new Client({ connectionString: url.href });
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  for (const name of ['password', 'state.json', 'server.log']) {
    expect((await stat(join(home, 'postgres', name))).mode & 0o777, name).toBe(0o600);
  }
  expect((await stat(server.dataDir)).mode & 0o777).toBe(0o700);
  await server.stop();
});

test.skipIf(!isLinux)(
  'the server is a daemon: another session, another process group, none of our environment',
  async () => {
    process.env.OPSLOOP_TEST_SECRET = 'do-not-inherit';
    try {
      const server = await startLocalPostgres({ home, log });
      const postmaster = await postmasterOf(server.dataDir);
      const theirs = await statOf(postmaster);
      const ours = await statOf(process.pid);
      expect(theirs.group).not.toBe(ours.group);
      expect(theirs.session).not.toBe(ours.session);
      expect(await readFile(`/proc/${postmaster}/environ`, 'utf8')).not.toContain('do-not-inherit');
      await server.stop();
    } finally {
      delete process.env.OPSLOOP_TEST_SECRET;
    }
  },
);
