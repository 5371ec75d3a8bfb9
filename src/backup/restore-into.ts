import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { type CopyConnection, openCopyConnection, SAME_TEXT } from '../db/copy.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { joinTransaction } from '../db/joined.ts';
import { lockMigrations, migrate, readMigrations } from '../db/migrate.ts';
import { AppError } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { Archive } from './archive.ts';
import type { HomeFile } from './home-files.ts';
import type { TablePart } from './manifest.ts';
import {
  analyzeTables,
  copyInto,
  copyOutOf,
  countRelations,
  dropForeignKeys,
  emptyTables,
  selectTables,
  setSequence,
} from './queries.ts';

/** What is under way, and the share of it that is done, 0 to 1. */
export type Step = (what: 'reading' | 'restoring' | 'reading back' | 'checking', share: number) => void;

/** A copy that is there for nobody else yet. */
export type Copy = {
  /** All on it is part of the transaction that made the copy. */
  database: Database;
  files: HomeFile[];
  /** Migrations that brought an older backup to this program's schema. */
  migrated: number[];
};

const BEGIN = `begin; set local statement_timeout = 0; set local lock_timeout = '1min';
  set local idle_in_transaction_session_timeout = '10min'; ${SAME_TEXT}`;

/**
 * Fills an empty database from a backup, in one transaction: cut off anywhere, it leaves nothing at all.
 * @param finish looks at the copy, and returns whether it is to stay
 * @throws AppError conflict when something of ours is there already; database_newer, backup_unusable
 * @throws AmbiguousCommit when it may be there or not
 */
export async function restoreInto(
  url: string,
  archive: Archive,
  options: { onStep: Step; signal?: AbortSignal | undefined },
  finish: (copy: Copy) => Promise<boolean>,
): Promise<void> {
  const connection = await openCopyConnection(url, options.signal);
  // Gives the address on; its pool connects nowhere.
  const outer = openDatabase(url, { log: silentLog(), max: 1, listenUrl: null });
  try {
    await connection.query(BEGIN);
    const { joined } = joinTransaction(outer, connection);
    await lockMigrations(connection);
    if ((await countRelations(connection)) > 0) throw refusal();
    await fill(connection, joined, archive, options.onStep);
    const migrated = await migrate(joined);
    const files: HomeFile[] = [];
    for (const part of archive.manifest.files)
      files.push({ path: part.file, bytes: await collect(archive.next(part)) });
    const stays = await finish({ database: joined, files, migrated });
    await (stays ? connection.commit() : connection.query('rollback'));
  } finally {
    await connection.close();
    await outer.close();
  }
}

function refusal(): AppError {
  return new AppError(
    'conflict',
    'Refusing to overwrite: the database holds tables of opsloop already. Restore into an empty one: another database in ' +
      'DATABASE_URL, or another OPSLOOP_HOME; or stop opsloop and move the folder `postgres` of the home aside.',
  );
}

async function fill(
  connection: CopyConnection,
  joined: Database,
  archive: Archive,
  onStep: Step,
): Promise<void> {
  const { schema, tables, sequences } = archive.manifest;
  const known = await readMigrations();
  if (schema > (known.at(-1)?.version ?? 0))
    throw new AppError(
      'database_newer',
      `The backup has schema ${schema}, this program knows up to ${known.at(-1)?.version}. Install the newer opsloop (${archive.manifest.opsloop} made it); nothing was changed.`,
    );
  await migrate(
    joined,
    known.filter(({ version }) => version <= schema),
  );
  await requireSameTables(connection, tables);
  const names = tables.map(({ table }) => table);
  const foreignKeys = await dropForeignKeys(connection);
  await emptyTables(connection, names);
  const total = tables.reduce((sum, { bytes }) => sum + bytes, 1);
  const counted = makeCounter(total);
  for (const part of tables)
    await pipeline(
      counted(archive.next(part), (share) => onStep('restoring', share)),
      connection.copyIn(copyInto(part.table, part.columns)),
    );
  for (const { name, value } of sequences) await setSequence(connection, name, value);
  for (const statement of foreignKeys) await connection.query(statement);
  await analyzeTables(connection, names);
  await readBack(connection, tables, onStep);
}

/** A table or column that is not in the backup, or only there, would be lost without a word. */
async function requireSameTables(connection: CopyConnection, parts: readonly TablePart[]): Promise<void> {
  const textOf = (name: string, columns: readonly string[]) => `${name}(${columns.toSorted().join(',')})`;
  const there = (await selectTables(connection)).map(({ name, columns }) => textOf(name, columns)).toSorted();
  const inBackup = parts.map(({ table, columns }) => textOf(table, columns)).toSorted();
  const differ = [
    ...there.filter((one) => !inBackup.includes(one)),
    ...inBackup.filter((one) => !there.includes(one)),
  ];
  if (differ.length > 0)
    throw new AppError(
      'backup_unusable',
      `The backup was made by another build of opsloop: it does not have the tables of this one (${differ.join('; ')}). Nothing was changed.`,
    );
}

/** What PostgreSQL gives out again must be what it gave out when the backup was made, byte by byte. */
async function readBack(
  connection: CopyConnection,
  parts: readonly TablePart[],
  onStep: Step,
): Promise<void> {
  const counted = makeCounter(parts.reduce((sum, { bytes }) => sum + bytes, 1));
  for (const { table, columns, sha256 } of parts) {
    const hash = createHash('sha256');
    const rows = connection.copyOut(copyOutOf(table, columns));
    for await (const chunk of counted(rows, (share) => onStep('reading back', share))) hash.update(chunk);
    if (hash.digest('hex') !== sha256)
      throw new AppError(
        'backup_unusable',
        `${table} does not read back as it was backed up. Nothing was kept. Take another backup, and tell us.`,
      );
  }
}

function makeCounter(total: number) {
  let done = 0;
  return async function* (
    chunks: AsyncIterable<Buffer>,
    tell: (share: number) => void,
  ): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      yield chunk;
      done += chunk.length;
      tell(done / total);
    }
  };
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
