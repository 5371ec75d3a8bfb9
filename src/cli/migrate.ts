import { migrate, migrationStatus } from '../db/migrate.ts';
import { requireSafeSettings } from '../db/settings.ts';
import { withDatabase } from './database.ts';
import { printJson, printLine, printTable } from './print.ts';

/** Applies the migrations that are missing, or only shows them. */
export async function runMigrate(onlyStatus: boolean, json: boolean): Promise<void> {
  await withDatabase(async (database, config) => {
    if (!onlyStatus) await requireSafeSettings(database, config.allowUnsafeDatabase);
    const applied = onlyStatus ? [] : await migrate(database);
    const status = await migrationStatus(database);
    if (json) {
      printJson({ ...status, applied });
      return;
    }
    printTable(
      status.migrations,
      [
        { title: 'version', value: (row) => String(row.version) },
        { title: 'name', value: (row) => row.name },
        { title: 'applied', value: (row) => row.appliedAt ?? 'not yet' },
      ],
      'There are no migrations.',
    );
    printLine(
      status.current === status.newest
        ? 'The database is up to date.'
        : 'Run `opsloop migrate` to apply what is missing.',
    );
  });
}
