import { expect, test } from 'vitest';
import { checkHistory } from '../../src/check/check.ts';
import { useDatabase } from '../support/database.ts';
import { proposer, sealAll } from '../support/loop.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();

test('events that nothing has sealed are told of, for nobody would see them changed', async () => {
  const { database } = db;
  const notes = async () => (await checkHistory(database, { home: emptyHome() })).notes.join();
  await sealAll(database);
  expect(await notes()).not.toContain('no seal');
  await proposer(database)({ kind: 'deploy' });
  expect(await notes()).toMatch(/\d+ events have no seal yet/);
});
