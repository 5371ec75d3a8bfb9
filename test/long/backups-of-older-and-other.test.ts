import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { readMigrations, requireCurrentSchema } from '../../src/db/migrate.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { silentLog } from '../../src/log.ts';
import { backUp, fillEveryTable, restore } from '../support/backup.ts';
import { useDatabase } from '../support/database.ts';
import { columnsOf, contentOf, makeFirstSchema } from '../support/first-schema.ts';
import { POSTGRES_15, withPostgres15 } from '../support/postgres-15.ts';
import { emptyHome } from '../support/sealed-log.ts';
import { loopGoesOn } from '../support/upgrade.ts';

const first = useDatabase('empty');
const brought = useDatabase('empty');
const original = useDatabase();
const back = useDatabase('empty');

test('a database of an older schema is backed up as it is, restored as that, and brought to today’s', async () => {
  const home = emptyHome();
  await makeFirstSchema(first.open(1), home, 2_000);
  const tables = await columnsOf(first.database);
  // Before it is migrated by this program, too.
  const { file } = await backUp(first.database, home, { verify: true });
  const other = emptyHome();
  const restored = await restore(file, brought.database, { home: other });
  expect(restored).toMatchObject({
    check: { ok: true },
    migrated: (await readMigrations()).slice(1).map(({ version }) => version),
  });
  await requireCurrentSchema(brought.database);
  const same = tables.filter(({ name }) => !['ops_policy', 'ops_events', 'ops_sessions'].includes(name));
  expect(await contentOf(brought.database, same)).toEqual(await contentOf(first.database, same));
  await loopGoesOn(brought, other);
}, 90_000);

test.skipIf(!existsSync(POSTGRES_15))(
  'into PostgreSQL 15, and from there back into another major version',
  async () => {
    const home = emptyHome();
    await fillEveryTable(original.database, home);
    const tables = await columnsOf(original.database);
    const same = tables.filter(({ name }) => !['ops_policy', 'ops_events', 'ops_sessions'].includes(name));
    const content = await contentOf(original.database, same);
    const { file } = await backUp(original.database, home);
    const otherHome = emptyHome();
    const again = await withPostgres15(async (url) => {
      const database = openDatabase(url, { log: silentLog(), max: 2 });
      try {
        const there = await restore(file, database, { home: otherHome, acceptFindings: true });
        expect(await contentOf(database, same)).toEqual(content);
        expect(await verifyLog(database, { home: otherHome })).toMatchObject({ ok: true, notes: [] });
        expect(there.rows).toBeGreaterThan(50);
        return await backUp(database, otherHome);
      } finally {
        await database.close();
      }
    });
    const last = emptyHome();
    await restore(again.file, back.database, { home: last, acceptFindings: true });
    expect(await contentOf(back.database, same)).toEqual(content);
    expect(await verifyLog(back.database, { home: last })).toMatchObject({ ok: true, notes: [] });
  },
  90_000,
);
