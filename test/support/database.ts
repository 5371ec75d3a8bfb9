import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { TEMPLATE } from './global-setup.ts';

export type TestDatabase = {
  /** The address of this file's own database, through the pooler where the run has one. */
  url: string;
  /** The same database on PostgreSQL itself. */
  directUrl: string;
  /** A pool on it. */
  database: Database;
  /** One more pool, as another process would have. */
  open(max?: number): Database;
};

/** The address of a database for the program under test: through the pooler where the run has one. */
export function addressOf(name: string): string {
  return withDatabase(inject('poolerUrl') ?? inject('serverUrl'), name);
}

/** The address of a database on PostgreSQL itself. */
export function directAddressOf(name: string): string {
  return withDatabase(inject('serverUrl'), name);
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** A statement on the server itself: makes and drops databases. */
export async function onServer<Row>(statement: string): Promise<Row[]> {
  const server = openDatabase(inject('serverUrl'), { log: silentLog(), max: 1 });
  try {
    return await server.query<Row>(statement);
  } finally {
    await server.close();
  }
}

/** A database of its own for a test file: migrated and seeded, or empty; dropped at the end. */
export function useDatabase(made: 'seeded' | 'empty' = 'seeded'): TestDatabase {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const opened: Database[] = [];
  const handle = {} as TestDatabase;

  beforeAll(async () => {
    await onServer(`create database ${name} template ${made === 'seeded' ? TEMPLATE : 'template0'}`);
    handle.url = addressOf(name);
    handle.directUrl = directAddressOf(name);
    handle.open = (max = 16) => {
      const database = openDatabase(handle.url, { log: silentLog(), max });
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
