import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { seedAgents } from '../../src/agents/agents.ts';
import { openDatabase } from '../../src/db/database.ts';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { silentLog } from '../../src/log.ts';
import { seedPolicy } from '../../src/policy/policy.ts';
import { pgBouncerVersion, startPgBouncer } from './pgbouncer.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which a test may make and drop databases. */
    serverUrl: string;
    /** The pooler before it that the program under test goes through; null: it goes to the server itself. */
    poolerUrl: string | null;
  }
}

export const TEMPLATE = 'opsloop_template';

/**
 * One throwaway cluster for the run, or the server of TEST_DATABASE_URL; in it a migrated template database. With
 * TEST_PGBOUNCER=1 a PgBouncer stands before it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = silentLog();
  const pooled = process.env.TEST_PGBOUNCER === '1';
  if (pooled && pgBouncerVersion() === null) throw new Error('Install pgbouncer, or name it in PGBOUNCER.');
  const home = await mkdtemp(join(tmpdir(), 'opsloop-test-'));
  // The user that PostgreSQL runs as must be able to pass through.
  await chmod(home, 0o711);
  const given = process.env.TEST_DATABASE_URL;
  const local = given ? undefined : await startLocalPostgres({ home, log });
  const serverUrl = given ?? local?.url ?? '';

  const server = openDatabase(serverUrl, { log, max: 2 });
  await server.query(`drop database if exists ${TEMPLATE} with (force)`);
  await server.query(`create database ${TEMPLATE} encoding 'UTF8' template template0`);
  await server.close();

  const url = new URL(serverUrl);
  url.pathname = `/${TEMPLATE}`;
  const template = openDatabase(url.href, { log, max: 2 });
  await migrate(template);
  await template.transaction(async (tx) => {
    await seedPolicy(tx);
    await seedAgents(tx);
  });
  await template.close();

  const pooler = pooled ? await startPgBouncer(serverUrl) : null;
  project.provide('serverUrl', serverUrl);
  project.provide('poolerUrl', pooler?.url ?? null);
  return async () => {
    await pooler?.stop();
    await local?.stop();
    await rm(home, { recursive: true, force: true });
  };
}
