import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';
import type { Database, Db } from './database.ts';
import { mayNot } from './sqlstate.ts';

/** `sql/` lies beside `src/` and `dist/` alike. */
const SCRIPTS = fileURLToPath(new URL('../../sql/', import.meta.url));

/** Any number; the same for all versions of the program, so that two migrators wait for each other. */
const MIGRATION_LOCK = 7_073_001;
const MIGRATION_LIMIT_MS = 6 * 3_600_000;

export type Migration = { version: number; name: string; checksum: string; sql: string };
export type MigrationStatus = {
  current: number;
  newest: number;
  migrations: { version: number; name: string; appliedAt: string | null }[];
};

type AppliedRow = { version: number; name: string; checksum: string; applied_at: Date };

/** The scripts of this program, in order. */
export async function readMigrations(folder = SCRIPTS): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{6}_\w+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (name) => {
      const sql = await readFile(`${folder}/${name}`, 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { version: Number(name.slice(0, 6)), name: name.slice(7, -4), checksum, sql };
    }),
  );
}

/**
 * Brings the database to this program's schema: each script and its version row in one transaction, under a
 * lock that makes a second migrator wait and then find nothing to do.
 * @returns the versions that were applied now
 * @throws AppError database_newer; database_older when there is something to apply and this role may not
 */
export async function migrate(database: Database, migrations?: Migration[]): Promise<number[]> {
  const known = migrations ?? (await readMigrations());
  // A role that may change no schema asks for nothing where nothing is missing.
  const done = await readApplied(database, false);
  refuseForeign(done, known);
  if (done.length === known.length) return [];
  return applyMissing(database, known).catch((error: unknown) => {
    if (!mayNot(error)) throw error;
    throw new AppError(
      'database_older',
      `The database has schema ${done.at(-1)?.version ?? 0}, this program needs ${known.at(-1)?.version}, and this role of PostgreSQL may not change it. Run \`opsloop migrate\` with a DATABASE_URL of the role that owns it.`,
      { cause: error },
    );
  });
}

async function applyMissing(database: Database, known: Migration[]): Promise<number[]> {
  const applied: number[] = [];
  for (const migration of known) {
    const ran = await database.transaction(async (tx) => {
      // A migration of a large database takes what it takes, and so does waiting for another migrator.
      await tx.query('set local statement_timeout = 0; set local lock_timeout = 0');
      await lockMigrations(tx);
      const done = await readApplied(tx, true);
      refuseForeign(done, known);
      if (done.some((row) => row.version === migration.version)) return false;
      await tx.query('insert into ops_migrations (version, name, checksum) values ($1, $2, $3)', [
        migration.version,
        migration.name,
        migration.checksum,
      ]);
      await tx.query(migration.sql, undefined, { limitMs: MIGRATION_LIMIT_MS });
      return true;
    });
    if (ran) applied.push(migration.version);
  }
  return applied;
}

/** Until the end of the transaction nobody else changes the schema. */
export async function lockMigrations(tx: Db): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK], { limitMs: MIGRATION_LIMIT_MS });
}

/** What is applied and what is not; changes nothing. */
export async function migrationStatus(database: Db): Promise<MigrationStatus> {
  const known = await readMigrations();
  const done = await readApplied(database, false);
  const migrations = known.map(({ version, name }) => {
    const row = done.find((applied) => applied.version === version);
    return { version, name, appliedAt: row?.applied_at.toISOString() ?? null };
  });
  return { current: done.at(-1)?.version ?? 0, newest: known.at(-1)?.version ?? 0, migrations };
}

/** @throws AppError database_newer unless this program knows the schema, be it an older one */
export async function refuseNewerSchema(database: Db): Promise<void> {
  refuseForeign(await readApplied(database, false), await readMigrations());
}

/** When the database got its first schema. */
export async function selectBegan(db: Db): Promise<Date | null> {
  const [row] = await db.query<{ began: Date | null }>('select min(applied_at) as began from ops_migrations');
  return row?.began ?? null;
}

/** @throws AppError database_newer or database_older unless the schema is exactly this program's. */
export async function requireCurrentSchema(database: Db): Promise<void> {
  const known = await readMigrations();
  const done = await readApplied(database, false);
  refuseForeign(done, known);
  if (done.length < known.length) {
    throw new AppError(
      'database_older',
      `The database has schema ${done.at(-1)?.version ?? 0}, this program needs ${known.at(-1)?.version}. Run \`opsloop migrate\`.`,
    );
  }
}

async function readApplied(db: Db, create: boolean): Promise<AppliedRow[]> {
  if (create) {
    await db.query(`create table if not exists ops_migrations (
      version integer primary key, name text not null, checksum text not null,
      applied_at timestamptz not null default now())`);
  } else {
    const [found] = await db.query<{ exists: boolean }>(
      `select to_regclass('ops_migrations') is not null as exists`,
    );
    if (!found?.exists) return [];
  }
  return db.query<AppliedRow>(
    'select version, name, checksum, applied_at from ops_migrations order by version',
  );
}

function refuseForeign(done: AppliedRow[], known: Migration[]): void {
  const newest = known.at(-1)?.version ?? 0;
  const newer = done.find((row) => row.version > newest);
  if (newer) {
    throw new AppError(
      'database_newer',
      `The database has schema ${newer.version} (${newer.name}), this program knows up to ${newest}. Install the newer opsloop; going back is not supported.`,
    );
  }
  for (const row of done) {
    const script = known.find((migration) => migration.version === row.version);
    if (script?.checksum !== row.checksum) {
      throw new AppError(
        'database_newer',
        `Migration ${row.version} (${row.name}) of the database is not the one this program brings. It was made by another build of opsloop.`,
      );
    }
  }
}
