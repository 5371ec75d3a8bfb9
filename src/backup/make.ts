import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { type CopyConnection, openCopyConnection } from '../db/copy.ts';
import type { Database } from '../db/database.ts';
import { requireCurrentSchema } from '../db/migrate.ts';
import { AppError } from '../errors.ts';
import { appendEvents } from '../events/events.ts';
import { openArchive } from './archive.ts';
import type { Report } from './check-copy.ts';
import {
  diskFull,
  dropOldest,
  type FreeSpace,
  freeSpace,
  markOf,
  nameFor,
  putBackup,
  RESERVE_BYTES,
  withBackupLock,
} from './folder.ts';
import { rowsIn } from './manifest.ts';
import {
  createCheckDatabase,
  dropCheckDatabase,
  selectDatabaseSize,
  selectLeftCheckDatabases,
} from './queries.ts';
import { restoreInto, type Step } from './restore-into.ts';
import { checkWithFiles } from './restore.ts';
import { takeBackup } from './take.ts';

export type Made = {
  file: string;
  bytes: number;
  rows: number;
  /** The last sealed event in it. */
  seq: number | null;
  taken_at: string;
  /** What restoring it into a throwaway database found; null when that was not asked for. */
  check: Report | null;
  /** Older ones that were dropped. */
  dropped: string[];
  seconds: { taking: number; checking: number | null };
};

export type MakeOptions = {
  database: Database;
  home: string;
  /** The file to make; left out, one of its own name in `folder`, where the oldest make room. */
  path?: string | undefined;
  folder: string;
  keep: number;
  verify: boolean;
  withSecrets: boolean;
  /** Where the database lies on this machine; undefined where that is not known. */
  dataDir: string | undefined;
  onStep?: (what: 'taking' | Parameters<Step>[0], share: number) => void;
  signal?: AbortSignal | undefined;
  free?: FreeSpace;
};

/** Between two looks at the free space, while a file grows. */
const LOOK_EVERY_BYTES = 4 * 2 ** 20;
/** Of its size in the database, generously: histories were packed to less than a fifth. */
const SHARE_OF_DATABASE = 0.5;
/** What a restored copy needs besides: the log of its writing, up to a checkpoint. */
const WAL_BYTES = 1.5 * 2 ** 30;

/**
 * Makes a backup, one at a time for a home. A file that does not restore is not kept; one that restores and in which the
 * check finds something is kept, as what it is, and nothing older is dropped for it.
 * @throws AppError already_running, disk_full, conflict, backup_unusable
 */
export async function makeBackup(options: MakeOptions): Promise<Made> {
  const { database, home, folder } = options;
  const path = options.path ?? join(folder, nameFor(new Date()));
  await requireCurrentSchema(database);
  return withBackupLock(home, async () => {
    await dropLeftovers(options);
    const made = await putBackup(path, home, async (file, partial) => {
      const size = await selectDatabaseSize(database);
      const grows = await watchSpace(options, dirname(path), size);
      let began = performance.now();
      const { manifest, size: bytes } = await takeBackup(file, {
        url: database.url,
        home,
        withSecrets: options.withSecrets,
        onProgress: (share) => options.onStep?.('taking', share),
        onBytes: grows,
        signal: options.signal,
      });
      const taking = secondsSince(began);
      began = performance.now();
      const check = options.verify ? await checkRestored(options, partial) : null;
      const { log, taken_at } = manifest;
      return {
        file: path,
        bytes,
        rows: rowsIn(manifest),
        seq: log?.seq ?? null,
        taken_at,
        check,
        seconds: { taking, checking: check && secondsSince(began) },
      };
    });
    const isGood = made.check?.ok !== false;
    const dropped = isGood && options.path === undefined ? await dropOldest(folder, options.keep) : [];
    await tellOf(database, made);
    return { ...made, dropped };
  });
}

function secondsSince(began: number): number {
  return Math.round(performance.now() - began) / 1_000;
}

async function watchSpace(options: MakeOptions, folder: string, database: number) {
  const free = options.free ?? freeSpace;
  const require = async (where: string, bytes: number, what: string) => {
    const [found, needs] = [await free(where), bytes + RESERVE_BYTES];
    if (found < needs) throw diskFull(where, { free: found, needs, for: what });
  };
  await require(folder, database * SHARE_OF_DATABASE, 'the backup');
  if (options.verify && options.dataDir !== undefined)
    await require(options.dataDir, database + WAL_BYTES, 'restoring it to verify it');
  let looked = 0;
  return async (size: number) => {
    if (size - looked < LOOK_EVERY_BYTES) return;
    looked = size;
    await require(folder, 0, 'the backup');
  };
}

/** Restores it into a database of its own beside the one that it was made of, looks at that, and leaves nothing of it. */
async function checkRestored(options: MakeOptions, path: string): Promise<Report> {
  const { home, signal } = options;
  const onStep: Step = (what, share) => options.onStep?.(what, share);
  const archive = await openArchive(path, (done, total) => onStep('reading', done / total));
  try {
    return await withCheckDatabase(options, async (url) => {
      let report: Report | undefined;
      await restoreInto(url, archive, { onStep, signal }, async (copy) => {
        report = await checkWithFiles(home, copy, onStep);
        return false;
      });
      if (report === undefined) throw new Error('the check ended without a report');
      return report;
    });
  } finally {
    await archive.close();
  }
}

async function withCheckDatabase<T>(
  { database: { url }, home }: MakeOptions,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const connection = await openCopyConnection(url);
  try {
    const name = await createCheckDatabase(connection, markOf(home), randomBytes(6).toString('hex')).catch(
      cannotVerify,
    );
    try {
      const other = new URL(url);
      other.pathname = `/${name}`;
      return await work(other.href);
    } finally {
      await dropCheckDatabase(connection, name);
    }
  } finally {
    await connection.close();
  }
}

function cannotVerify(error: unknown): never {
  // insufficient_privilege
  if (error instanceof Error && 'code' in error && error.code === '42501')
    throw new AppError(
      'forbidden',
      'Verifying restores into a throwaway database, and this user of PostgreSQL may not make one: grant CREATEDB, or use --no-verify.',
    );
  throw error;
}

/** A check that was killed leaves its database behind. */
async function dropLeftovers({ database, home, verify }: MakeOptions): Promise<void> {
  if (!verify) return;
  const connection: CopyConnection = await openCopyConnection(database.url);
  try {
    for (const { name } of await selectLeftCheckDatabases(connection, markOf(home)))
      await dropCheckDatabase(connection, name);
  } finally {
    await connection.close();
  }
}

async function tellOf(database: Database, made: Omit<Made, 'dropped'>): Promise<void> {
  const { file, bytes, rows, seq, taken_at, check } = made;
  await appendEvents(database, {
    kind: 'backup.made',
    source: 'backup',
    entity: 'backup',
    entityId: basename(file),
    payload: { cause: { by: 'backup' }, bytes, rows, seq, taken_at, verified: check?.ok ?? null },
  });
  database.hints.tell('events');
}
