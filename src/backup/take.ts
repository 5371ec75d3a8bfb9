import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { openCopyConnection, type CopyConnection, SAME_TEXT } from '../db/copy.ts';
import { selectChainEnd } from '../events/proof/sign.ts';
import { AppError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { writeArchive } from './archive.ts';
import { readHomeFiles } from './home-files.ts';
import { type FilePart, FORMAT, type Manifest, type TablePart } from './manifest.ts';
import {
  copyOutOf,
  lockTables,
  selectMissingGrant,
  selectSequences,
  selectTables,
  selectVersions,
  type Table,
} from './queries.ts';

export type TakeOptions = {
  url: string;
  home: string;
  /** Also what opens something: the operator's key, the log's private key, secrets, .env. */
  withSecrets: boolean;
  /** Told of the share that is done, 0 to 1. */
  onProgress?: ((share: number) => void) | undefined;
  /** Called at every write with the size of the file so far; what it throws ends the backup. */
  onBytes?: (size: number) => Promise<void> | void;
  signal?: AbortSignal | undefined;
};

/** A reader of one snapshot must not hold it for ever when its process froze. */
const BEGIN = `begin isolation level repeatable read read only;
  set local statement_timeout = 0; set local lock_timeout = '30s';
  set local idle_in_transaction_session_timeout = '5min'; ${SAME_TEXT}`;

/** Writes all tables, as one snapshot shows them, and what of the home goes with them. Holds up nobody but migrations. */
export async function takeBackup(
  file: FileHandle,
  options: TakeOptions,
): Promise<{ manifest: Manifest; size: number; skipped: string[] }> {
  const connection = await openCopyConnection(options.url, options.signal);
  try {
    const { tables, ...facts } = await beginSnapshot(connection);
    const { files: homeFiles, skipped } = await readHomeFiles(options.home, facts.log, options.withSecrets);
    const parts: { tables: TablePart[]; files: FilePart[] } = { tables: [], files: [] };
    const counts: { part: TablePart; rows(): number }[] = [];

    async function* content(): AsyncGenerator<Buffer> {
      const total = tables.reduce((sum, { bytes }) => sum + bytes, 1);
      let before = 0;
      for (const table of tables) {
        const { name, columns, bytes } = table;
        const rows = connection.copyOut(copyOutOf(name, columns));
        const part = { table: name, columns, rows: 0, ...emptySum() };
        for await (const chunk of summed(rows, part)) {
          yield chunk;
          options.onProgress?.((before + Math.min(bytes, part.bytes)) / total);
        }
        before += bytes;
        parts.tables.push(part);
        counts.push({ part, rows: () => rows.rowCount });
      }
      for (const { path, bytes } of homeFiles) {
        const part = { file: path, ...emptySum() };
        yield* summed([bytes], part);
        parts.files.push(part);
      }
      // Its answer comes after the counts of the tables.
      await connection.query('commit');
      for (const { part, rows } of counts) part.rows = rows();
    }
    const manifest = (): Manifest => ({ format: FORMAT, opsloop: VERSION, ...factsOf(facts), ...parts });
    const size = await writeArchive(file, content(), manifest, options.onBytes ?? (() => undefined));
    return { manifest: manifest(), size, skipped };
  } finally {
    await connection.close();
  }
}

type Facts = Awaited<ReturnType<typeof readFacts>>;

async function beginSnapshot(connection: CopyConnection): Promise<Facts & { tables: Table[] }> {
  const names = (await selectTables(connection)).map(({ name }) => name);
  if (!names.includes('ops_migrations'))
    throw new AppError(
      'not_found',
      'There is nothing to back up: the database has no schema of opsloop yet.',
    );
  // Locked before the snapshot is taken, by the first statement after it: a table that a migration rewrites in between
  // would look empty.
  await connection.query(`${BEGIN}; ${lockTables(names)}`);
  const tables = await selectTables(connection);
  if (names.join() !== tables.map(({ name }) => name).join())
    throw new AppError('conflict', 'A migration changed the tables just now; back up again.');
  return { tables, ...(await readFacts(connection)) };
}

async function readFacts(db: CopyConnection) {
  const missing = await selectMissingGrant(db);
  if (missing !== null)
    throw new AppError(
      'forbidden',
      `This user of PostgreSQL may not read where the sequences are, and nothing can be restored without that: ${missing}.`,
    );
  return {
    ...(await selectVersions(db)),
    log: await selectChainEnd(db),
    sequences: await selectSequences(db),
  };
}

function factsOf({ postgres, schema, now, log, sequences }: Facts) {
  return {
    postgres,
    schema,
    taken_at: now.toISOString(),
    installation: log?.installation ?? null,
    log: log && { seq: log.seq, hash: log.hash },
    sequences,
  };
}

function emptySum() {
  return { bytes: 0, sha256: '' };
}

/** Passes chunks on, and notes their sum and length. */
async function* summed(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  part: { bytes: number; sha256: string },
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    part.bytes += chunk.length;
    yield chunk;
  }
  part.sha256 = hash.digest('hex');
}
