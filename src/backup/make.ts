import { basename, dirname, join } from 'node:path';
import type { Database } from '../db/database.ts';
import { refuseNewerSchema } from '../db/migrate.ts';
import { appendEvents } from '../events/events.ts';
import type { Report } from './check-copy.ts';
import {
  diskFull,
  type FreeSpace,
  freeSpace,
  putBackup,
  RESERVE_BYTES,
  WAL_BYTES,
  withBackupLock,
} from './folder.ts';
import { dropOldest, nameFor, type Sort } from './kept.ts';
import { rowsIn } from './manifest.ts';
import { selectDatabaseSize } from './queries.ts';
import type { Step } from './restore-into.ts';
import { type BackupSettings, counts, noteFailure } from './state.ts';
import { takeBackup } from './take.ts';
import { checkRestored, dropLeftovers } from './throwaway.ts';

export type Made = {
  file: string;
  bytes: number;
  rows: number;
  /** The last sealed event in it. */
  seq: number | null;
  taken_at: string;
  /** What restoring it into a throwaway database found; null when that was not asked for. */
  check: Report | null;
  /** What lies among the secrets of the home and is none, and why. */
  skipped: string[];
  /** Older ones that were dropped. */
  dropped: string[];
  /** Databases of checks that were cut off, which stay: somebody is in them, or another role made them. */
  left: string[];
  seconds: { taking: number; checking: number | null };
};

export type MakeOptions = {
  database: Database;
  home: string;
  /** The file to make; left out, one of its own name in the folder of the settings, where the oldest make room. */
  path?: string | undefined;
  settings: BackupSettings;
  /** Of this one, whatever the settings say. */
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

/**
 * Makes a backup, one at a time for a home. A file that does not restore is not kept; one that restores and in which the
 * check finds something is kept, as what it is, and no sound one is dropped for it.
 * @throws AppError already_running, disk_full, conflict, backup_unusable
 */
export async function makeBackup(options: MakeOptions): Promise<Made> {
  const { database, home, settings } = options;
  await refuseNewerSchema(database);
  return withBackupLock(home, async () => {
    const at = new Date();
    const pathFor = async (sort: Sort) =>
      options.path ?? join(settings.folder, await nameFor(home, at, sort));
    const path = await pathFor('unverified');
    const left = await dropLeftovers(database.url, home);
    const made = await putBackup(path, home, async (file, partial) => {
      const size = await selectDatabaseSize(database);
      const grows = await watchSpace(options, dirname(path), size);
      let began = performance.now();
      const {
        manifest,
        size: bytes,
        skipped,
      } = await takeBackup(file, {
        url: database.url,
        home,
        withSecrets: options.withSecrets,
        onProgress: (share) => options.onStep?.('taking', share),
        onBytes: grows,
        signal: options.signal,
      });
      const taking = secondsSince(began);
      began = performance.now();
      const onStep: Step = (what, share) => options.onStep?.(what, share);
      const check = options.verify
        ? await checkRestored(partial, { url: database.url, home, onStep, signal: options.signal })
        : null;
      const { log, taken_at } = manifest;
      return {
        file: await pathFor(sortOf(check)),
        bytes,
        rows: rowsIn(manifest),
        seq: log?.seq ?? null,
        taken_at,
        check,
        skipped,
        seconds: { taking, checking: check && secondsSince(began) },
      };
    });
    const isOurs = options.path === undefined;
    // One of which less is known than the settings ask for does not end what a check found.
    if (isOurs && counts(settings, sortOf(made.check))) await noteFailure(home, null);
    const dropped = isOurs ? await dropOldest(settings.folder, home, settings.keep) : [];
    // A backup is one whatever becomes of the event.
    await tellOf(database, made).catch(() => undefined);
    return { ...made, dropped, left };
  });
}

function sortOf(check: Report | null): Sort {
  if (check === null) return 'unverified';
  return check.ok ? 'sound' : 'unsound';
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

async function tellOf(database: Database, made: Omit<Made, 'dropped' | 'left'>): Promise<void> {
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
