import { randomBytes } from 'node:crypto';
import { expect, test, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { backUp, restore } from '../support/backup.ts';
import { onServer, useDatabase } from '../support/database.ts';
import { emptyHome, sealSome } from '../support/sealed-log.ts';

const original = useDatabase();
const target = useDatabase('empty');

test('a role that may not read where the sequences are makes no backup, and is told what to grant', async () => {
  await sealSome(original.database, 5);
  const role = `reader_${randomBytes(4).toString('hex')}`;
  await onServer(`create role ${role} login password 'p' createdb`);
  const owner = openDatabase(original.directUrl, { log: silentLog(), max: 1, listenUrl: null });
  const url = Object.assign(new URL(original.directUrl), { username: role, password: 'p' }).href;
  const reader = openDatabase(url, { log: silentLog(), max: 2, listenUrl: null });
  onTestFinished(async () => {
    await reader.close();
    await owner.query(`drop owned by ${role}`);
    await owner.close();
    await onServer(`drop role ${role}`);
  });
  await owner.query(`grant usage on schema public to ${role}`);
  await owner.query(`grant select on all tables in schema public to ${role}`);
  const grant = `grant select on all sequences in schema public to ${role}`;
  await expect(backUp(reader, emptyHome())).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining(grant),
  });
  await owner.query(grant);
  const made = await backUp(reader, emptyHome());
  await restore(made.file, target.database);
});

test('what a restore does after its check is tried before a backup is called sound', async () => {
  await original.database.query(`select setval('ops_events_id_seq', 1, false)`);
  await expect(backUp(original.database, emptyHome(), { verify: true })).rejects.toThrow(/ops_events_pkey/);
});
