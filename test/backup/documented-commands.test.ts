import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { seedAgents } from '../../src/agents/agents.ts';
import { seedPolicy } from '../../src/policy/policy.ts';
import { silentLog } from '../../src/log.ts';
import { fillEveryTable } from '../support/backup.ts';
import { columnsOf, contentOf } from '../support/first-schema.ts';
import { POSTGRES_15, withPostgres15 } from '../support/postgres-15.ts';
import { emptyHome } from '../support/sealed-log.ts';

/** The commands of the document, as a reader would paste them. */
async function documented(): Promise<string> {
  const text = await readFile(new URL('../../docs/backup.md', import.meta.url), 'utf8');
  const [, commands] = /## Your own PostgreSQL\n[^]*?```sh\n([^]*?)```/.exec(text) ?? [];
  if (!commands) throw new Error('docs/backup.md has no commands for another PostgreSQL');
  return commands;
}

test.skipIf(!existsSync(POSTGRES_15))(
  'the documented commands of PostgreSQL back up and restore, and the log is sound',
  async () => {
    const home = emptyHome();
    const folder = await mkdtemp(join(tmpdir(), 'opsloop-dump-'));
    const opsloop = join(folder, 'opsloop');
    await writeFile(opsloop, `#!/bin/sh\nexec ${process.execPath} ${resolve('dist/cli/main.js')} "$@"\n`);
    await chmod(opsloop, 0o755);
    await withPostgres15(async (server) => {
      const [from, to] = ['ops', 'restored'].map((name) => server.replace(/postgres$/, name));
      const admin = openDatabase(server, { log: silentLog(), max: 1 });
      await admin.query('create database ops');
      await admin.close();
      const database = openDatabase(from ?? '', { log: silentLog(), max: 4 });
      await migrate(database);
      await database.transaction(async (tx) => {
        await seedPolicy(tx);
        await seedAgents(tx);
      });
      await fillEveryTable(database, home);
      const tables = await columnsOf(database);
      const before = await contentOf(database, tables);
      await database.close();

      const said = execFileSync('/bin/sh', ['-euc', await documented()], {
        cwd: folder,
        encoding: 'utf8',
        env: {
          PATH: `${folder}:${dirname(POSTGRES_15)}:/usr/bin:/bin`,
          HOME: folder,
          OPSLOOP_HOME: home,
          DATABASE_URL: from,
          SERVER_URL: server,
          NEW_DATABASE_URL: to,
        },
      });
      expect(said).toMatch(/event log\s+is what was sealed/);
      const restored = openDatabase(to ?? '', { log: silentLog(), max: 1 });
      expect(await contentOf(restored, tables)).toEqual(before);
      await restored.close();
    });
  },
  90_000,
);
