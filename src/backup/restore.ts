import { AmbiguousCommit } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { openArchive } from './archive.ts';
import { checkWithFiles, type Report } from './check-copy.ts';
import { withBackupLock } from './folder.ts';
import { holdStill } from './hold-still.ts';
import { isEvidence, placeHomeFiles } from './home-files.ts';
import { type Manifest, rowsIn } from './manifest.ts';
import { restoreInto, type Step } from './restore-into.ts';

export type Restored = {
  file: string;
  taken_at: string;
  rows: number;
  /** Where the log of events goes on. */
  seq: number | null;
  migrated: number[];
  check: Report;
  /** Files of the backup that were not written, because the home has others of that name. */
  kept: string[];
  /** Files of the backup that only `withSecrets` writes. */
  left_out: string[];
  heads_moved_to: string | null;
  seconds: number;
};

export type RestoreOptions = {
  path: string;
  url: string;
  home: string;
  /** Keeps a copy although the check found something: the backup may be all there is. */
  acceptFindings: boolean;
  /** Also writes what opens or steers something: settings, keys and secrets, as whoever made the file chose them. */
  withSecrets: boolean;
  onStep: Step;
  signal?: AbortSignal | undefined;
  /** Told what the file holds before anything is written; what it throws ends the restore. */
  onManifest?: (manifest: Manifest) => Promise<void>;
};

/** Restores a backup into an empty database, and leaves it paused. @throws AppError conflict, backup_unusable, database_newer */
export function restoreBackup(options: RestoreOptions): Promise<Restored> {
  return withBackupLock(options.home, () => restore(options));
}

async function restore(options: RestoreOptions): Promise<Restored> {
  const { path, url, home, onStep, signal } = options;
  const began = performance.now();
  const archive = await openArchive(path, (done, total) => onStep('reading', done / total), signal);
  try {
    const { manifest } = archive;
    await options.onManifest?.(manifest);
    const facts = {
      file: path,
      taken_at: manifest.taken_at,
      rows: rowsIn(manifest),
      seq: manifest.log?.seq ?? null,
    };
    let restored: Omit<Restored, keyof typeof facts | 'seconds'> | undefined;
    let undo = () => Promise.resolve();
    const restoring = restoreInto(url, archive, { onStep, signal }, async (copy) => {
      const check = await checkWithFiles(home, copy, onStep);
      if (!check.ok && !options.acceptFindings) throw notSound(path, check);
      await holdStill(copy.database, path, manifest);
      const wanted = copy.files.filter((one) => options.withSecrets || isEvidence(one));
      const left_out = copy.files.filter((one) => !wanted.includes(one)).map((one) => one.path);
      // Before the commit: killed between the two it can be done again, and a log without its signed heads is not whole.
      const placed = await placeHomeFiles(home, wanted);
      undo = placed.undo;
      const { kept, headsMovedTo } = placed;
      restored = { migrated: copy.migrated, check, kept, left_out, heads_moved_to: headsMovedTo };
      return true;
    });
    await restoring.catch(async (error: unknown) => {
      // The log that may be there needs its heads and keys.
      if (error instanceof AmbiguousCommit) throw notKnown(path, error);
      await undo();
      throw error;
    });
    if (restored === undefined) throw new Error('the restore ended without a result');
    return { ...facts, ...restored, seconds: Math.round(performance.now() - began) / 1_000 };
  } finally {
    await archive.close();
  }
}

function notKnown(path: string, error: AmbiguousCommit): AmbiguousCommit {
  return new AmbiguousCommit(
    error,
    `The connection broke at the very end, and PostgreSQL did not say since: whether ${path} was restored is not known. The ` +
      'files of the home are as a restore leaves them. When the database is back, restore it again: that is refused where it was restored, and is done where it was not.',
  );
}

function notSound(path: string, { findings }: Report): AppError {
  return new AppError(
    'backup_unusable',
    `${path} restores, but the copy is not sound: ${findings[0]} Nothing was kept. Take an older backup, or this one with --accept-findings.`,
    { details: { findings } },
  );
}
