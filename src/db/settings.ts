import { AppError } from '../errors.ts';
import type { Db } from './database.ts';

export const OLDEST_SUPPORTED = 150_000;

export type DatabaseSettings = { version: string; versionNumber: number; unsafe: string[] };

/** The settings on which "nothing acknowledged is lost" rests. */
export async function readSettings(db: Db): Promise<DatabaseSettings> {
  const rows = await db.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings
     where name in ('server_version', 'server_version_num', 'fsync', 'synchronous_commit', 'full_page_writes')`,
  );
  const settings = new Map(rows.map((row) => [row.name, row.setting]));
  const unsafe = ['fsync', 'synchronous_commit', 'full_page_writes'].filter(
    (name) => settings.get(name) === 'off',
  );
  return {
    version: settings.get('server_version') ?? 'unknown',
    versionNumber: Number(settings.get('server_version_num') ?? 0),
    unsafe,
  };
}

/** @throws AppError unsafe_settings or config_invalid */
export async function requireSafeSettings(db: Db, allowUnsafe: boolean): Promise<DatabaseSettings> {
  const settings = await readSettings(db);
  if (settings.versionNumber < OLDEST_SUPPORTED) {
    throw new AppError(
      'config_invalid',
      `PostgreSQL ${settings.version} is too old; opsloop needs 15 or newer.`,
    );
  }
  if (settings.unsafe.length > 0 && !allowUnsafe) {
    throw new AppError(
      'unsafe_settings',
      `${settings.unsafe.join(' and ')} is off, so a crash of the server can lose what opsloop has acknowledged. Switch it on, or accept the loss with OPSLOOP_ALLOW_UNSAFE_DATABASE=1.`,
      { details: { off: settings.unsafe } },
    );
  }
  return settings;
}
