import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { TEMPLATE } from './global-setup.ts';

export type TestDatabase = {
  /** The address of this file's own database. */
  url: string;
  /** A pool on it. */
  database: Database;
  /** One more pool, as another process would have. */
  open(max?: number): Database;
};

/** A database of its own for a test file: migrated, seeded, and dropped at the end. */
export function useDatabase(): TestDatabase {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const opened: Database[] = [];
  const handle = {} as TestDatabase;

  const onServer = async (statement: string) => {
    const server = openDatabase(inject('serverUrl'), { log: silentLog(), max: 1 });
    try {
      await server.query(statement);
    } finally {
      await server.close();
    }
  };

  beforeAll(async () => {
    await onServer(`create database ${name} template ${TEMPLATE}`);
    const url = new URL(inject('serverUrl'));
    url.pathname = `/${name}`;
    handle.url = url.href;
    handle.open = (max = 16) => {
      const database = openDatabase(url.href, { log: silentLog(), max });
      opened.push(database);
      return database;
    };
    handle.database = handle.open();
  });

  afterAll(async () => {
    for (const database of opened) await database.close();
    await onServer(`drop database if exists ${name} with (force)`);
  });

  return handle;
}
