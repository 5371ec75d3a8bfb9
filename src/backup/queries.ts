import type { Db } from '../db/database.ts';
import { isInUse, mayNot } from '../db/sqlstate.ts';

/** A name that may stand in a statement. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export type Table = {
  name: string;
  columns: string[];
  /** On the disk, without indexes. */
  bytes: number;
};

/** Every table of ours, as the catalogue knows them: one that a migration adds is in here by itself. */
export function selectTables(db: Db): Promise<Table[]> {
  return db.query<Table>(
    `select c.relname as name, pg_table_size(c.oid) as bytes,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
             order by a.attnum) as columns
     from pg_class c
     where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname like 'ops\\_%'
     order by c.relname`,
  );
}

/** Last values of our sequences; null: none was drawn yet. */
export function selectSequences(db: Db): Promise<{ name: string; value: number | null }[]> {
  return db.query<{ name: string; value: number | null }>(
    `select sequencename as name, last_value as value from pg_sequences
     where schemaname = current_schema() and sequencename like 'ops\\_%' order by sequencename`,
  );
}

/**
 * What would have to be granted for every sequence of ours to be read, or null: of one that may not be read, PostgreSQL says
 * the same as of one that is new.
 */
export async function selectMissingGrant(db: Db): Promise<string | null> {
  const [row] = await db.query<{ missing: string }>(
    `select format('grant select on all sequences in schema %I to %I', schemaname, current_user) as missing
     from pg_sequences where schemaname = current_schema() and sequencename like 'ops\\_%'
       and not has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'select, usage') limit 1`,
  );
  return row?.missing ?? null;
}

export async function selectVersions(db: Db): Promise<{ postgres: string; schema: number; now: Date }> {
  const [row] = await db.query<{ postgres: string; schema: number; now: Date }>(
    `select current_setting('server_version') as postgres, max(version) as schema, clock_timestamp() as now
     from ops_migrations`,
  );
  if (!row) throw new Error('the database gave no version');
  return row;
}

/** No table of these may be changed by a migration while it is read. */
export function lockTables(names: readonly string[]): string {
  return `lock table ${names.map(quoted).join(', ')} in access share mode`;
}

export function copyOutOf(table: string, columns: readonly string[]): string {
  return `copy ${quoted(table)} (${columns.map(quoted).join(', ')}) to stdout`;
}

export function copyInto(table: string, columns: readonly string[]): string {
  return `copy ${quoted(table)} (${columns.map(quoted).join(', ')}) from stdin`;
}

/** How many relations of ours there are, of whatever sort. */
export async function countRelations(db: Db): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from pg_class
     where relnamespace = current_schema()::regnamespace and relname like 'ops\\_%'`,
  );
  return row?.count ?? 0;
}

/**
 * Takes the foreign keys away and returns the statements that put them back. Some of them form cycles, so there is no
 * order of tables in which they hold row by row; put back, they are checked at once for all rows.
 */
export async function dropForeignKeys(db: Db): Promise<string[]> {
  const keys = await db.query<{ table: string; name: string; definition: string }>(
    `select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.contype = 'f' and k.connamespace = current_schema()::regnamespace and c.relname like 'ops\\_%'
     order by c.relname, k.conname`,
  );
  for (const { table, name } of keys)
    await db.query(`alter table ${quoted(table)} drop constraint ${quoted(name)}`);
  return keys.map(
    ({ table, name, definition }) =>
      `alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`,
  );
}

/** Rows that the migrations have put there: those of the backup come in their stead. */
export async function emptyTables(db: Db, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [row] = await db.query(`select from ${quoted(name)} limit 1`);
    // Where there is none, the triggers that refuse to delete events need not be asked.
    if (row) await db.query(`delete from ${quoted(name)}`);
  }
}

export async function setSequence(db: Db, name: string, value: number | null): Promise<void> {
  await db.query('select setval($1::regclass, $2, $3)', [quoted(name), value ?? 1, value !== null]);
}

/** Without figures PostgreSQL plans for small tables. */
export async function analyzeTables(db: Db, names: readonly string[]): Promise<void> {
  await db.query(`analyze ${names.map(quoted).join(', ')}`);
}

/** Who was signed in when the backup was made signs in again. */
export async function endSessions(db: Db): Promise<void> {
  await db.query('delete from ops_sessions');
}

/** Bytes of our tables with their indexes. */
export async function selectDatabaseSize(db: Db): Promise<number> {
  const [row] = await db.query<{ bytes: number }>(
    `select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint as bytes from pg_class
     where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname like 'ops\\_%'`,
  );
  return row?.bytes ?? 0;
}

/** Databases that exist for one check; the mark says of which home. */
const checkName = (mark: string, suffix: string) => `opsloop_check_${mark}_${suffix}`;

export async function createCheckDatabase(db: Db, mark: string, suffix: string): Promise<string> {
  const name = checkName(mark, suffix);
  await db.query(`create database ${quoted(name)} encoding 'UTF8' template template0`);
  return name;
}

/** Makes a database find its tables where this connection finds its own. @returns the schema that it needs for that */
export async function shareSearchPath(db: Db, name: string): Promise<string> {
  await db.query(`alter database ${quoted(name)} set search_path from current`);
  const [row] = await db.query<{ schema: string }>('select current_schema() as schema');
  return row?.schema ?? 'public';
}

export async function createSchema(db: Db, schema: string): Promise<void> {
  await db.query(`create schema if not exists ${quoted(schema)}`);
}

export async function dropCheckDatabase(db: Db, name: string): Promise<void> {
  await db.query(`drop database if exists ${quoted(name)} with (force)`);
}

/** @returns false when it stays: somebody uses it, or another role made it */
export async function dropIfMine(db: Db, name: string): Promise<boolean> {
  try {
    await db.query(`drop database if exists ${quoted(name)}`);
    return true;
  } catch (error) {
    if (isInUse(error) || mayNot(error)) return false;
    throw error;
  }
}

/** Those of checks of this home that were cut off, or are under way where the home was copied whole. */
export function selectLeftCheckDatabases(db: Db, mark: string): Promise<{ name: string }[]> {
  return db.query<{ name: string }>(
    `select datname as name from pg_database where starts_with(datname, $1)`,
    [checkName(mark, '')],
  );
}
