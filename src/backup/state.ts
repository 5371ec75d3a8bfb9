import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../lib/files.ts';
import { humanDuration } from '../lib/time.ts';
import { type Kept, listBackups, type Sort } from './kept.ts';

export type BackupSettings = {
  /** Null: none are made by themselves. */
  everyHours: number | null;
  /** How many stay in the folder. */
  keep: number;
  folder: string;
  /** Whether each is restored into a throwaway database and checked. */
  verify: boolean;
};

const Failure = z.object({ at: z.string(), message: z.string() });
export type Failure = z.infer<typeof Failure>;

/** In the home and not in the database: it must be said also when the database is what fails. */
function failureFile(home: string): string {
  return join(home, 'backup-failed.json');
}

/** Keeps why the last one failed, for whoever asks how the installation is. Null: it did not. */
export async function noteFailure(home: string, message: string | null): Promise<void> {
  if (message === null) return rm(failureFile(home), { force: true });
  const failure: Failure = { at: new Date().toISOString(), message };
  await writeDurably(failureFile(home), `${JSON.stringify(failure)}\n`, 0o600);
}

async function readFailure(home: string): Promise<Failure | null> {
  const text = (await readIfThere(failureFile(home))) ?? 'null';
  try {
    return Failure.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Whether it is as good as those that are made by themselves. */
export function counts({ verify }: BackupSettings, sort: Sort): boolean {
  return sort === 'sound' || (sort === 'unverified' && !verify);
}

/** When the last one was made that counts. */
export async function lastBackup(settings: BackupSettings, home: string): Promise<Date | null> {
  return lastOf((await listBackups(settings.folder, home)).past, settings);
}

function lastOf(past: Kept[], settings: BackupSettings): Date | null {
  return past.find(({ sort }) => counts(settings, sort))?.at ?? null;
}

export type BackupsState = {
  every_hours: number | null;
  last_at: string | null;
  failure: Failure | null;
  /** Hours since the last one, or since the database was made. */
  age_hours: number | null;
  /** Names of those whose time has not come. */
  in_future: string[];
};

/** @param began when the database was made: a fresh one has no backup yet */
export async function readBackupsState(
  settings: BackupSettings,
  home: string,
  began: Date | null,
): Promise<BackupsState> {
  const { past, future } = await listBackups(settings.folder, home).catch(() => ({ past: [], future: [] }));
  const last = lastOf(past, settings);
  const from = last ?? began;
  return {
    every_hours: settings.everyHours,
    last_at: last?.toISOString() ?? null,
    failure: await readFailure(home).catch(() => null),
    age_hours: from && (Date.now() - from.getTime()) / 3_600_000,
    in_future: future.map(({ path }) => basename(path)),
  };
}

/** What is wrong, and what to do. One period late is no reason to call anybody. */
export function backupProblems(state: BackupsState): { code: string; message: string }[] {
  const { every_hours: every, failure, last_at, age_hours: age, in_future } = state;
  if (every === null) return [];
  const failed = failure && {
    code: 'backup_failed',
    message: `The backup of ${failure.at} failed: ${failure.message} It is tried again every hour; \`opsloop backup\` tries now.`,
  };
  const since = humanDuration((age ?? 0) * 3_600_000);
  const old = age !== null &&
    age > 2 * every && {
      code: 'backup_old',
      message: `${last_at === null ? `There is no backup that counts, and the database is ${since} old` : `The last backup is ${since} old`}; one is due every ${every} h. \`opsloop backup\` makes one, and says what is in the way.`,
    };
  const early = in_future.length > 0 && {
    code: 'backup_in_future',
    message: `The time of ${in_future.length} of the backups has not come (${in_future[0]}): the clock is wrong now, or was when they were made. They do not count and are never dropped; set the clock right, or move them away.`,
  };
  return [failed, old, early].filter((one) => typeof one === 'object' && one !== null);
}
