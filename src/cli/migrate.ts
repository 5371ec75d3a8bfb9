import { readConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { migrate, migrationStatus } from '../db/migrate.ts';
import { requireSafeSettings } from '../db/settings.ts';
import { makeLog } from '../log.ts';
import { openData } from './database.ts';
import { printJson, printLine, printTable } from './print.ts';

/** Applies the migrations that are missing, or only shows them. */
export async function runMigrate(onlyStatus: boolean, json: boolean): Promise<void> {
  const config = readConfig();
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const data = await openData(config, log);
  const database = openDatabase(data.url, { log, max: 2 });
  try {
    if (!onlyStatus) await requireSafeSettings(database, config.allowUnsafeDatabase);
    const applied = onlyStatus ? [] : await migrate(database);
    const status = await migrationStatus(database);
    if (json) return printJson({ ...status, applied });
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
  } finally {
    await database.close();
    await data.stop();
  }
}
