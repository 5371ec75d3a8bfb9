import { randomBytes } from 'node:crypto';
import { openCopyConnection } from '../db/copy.ts';
import { AppError, toError } from '../errors.ts';
import { openArchive } from './archive.ts';
import { checkWithFiles, type Report } from './check-copy.ts';
import { holdStill } from './hold-still.ts';
import { markOf } from './mark.ts';
import {
  createCheckDatabase,
  createSchema,
  dropCheckDatabase,
  dropIfUnused,
  selectLeftCheckDatabases,
  shareSearchPath,
} from './queries.ts';
import { restoreInto, type Step } from './restore-into.ts';

/**
 * Restores a backup into a database of its own beside the one that it was made of, looks at that, and leaves nothing of it.
 * @param given `url` of the database that it was made of, and its home
 */
export async function checkRestored(
  path: string,
  given: { url: string; home: string; onStep: Step; signal: AbortSignal | undefined },
): Promise<Report> {
  const { url: original, home, onStep, signal } = given;
  const archive = await openArchive(path, (done, total) => onStep('reading', done / total), signal);
  try {
    return await withCheckDatabase(original, home, async (url) => {
      let report: Report | undefined;
      await restoreInto(url, archive, { onStep, signal }, async (copy) => {
        report = await checkWithFiles(home, copy, onStep);
        // All that a restore does before its commit.
        await holdStill(copy.database, path, archive.manifest);
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
  url: string,
  home: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const connection = await openCopyConnection(url);
  try {
    const name = await createCheckDatabase(
      connection,
      await markOf(home),
      randomBytes(6).toString('hex'),
    ).catch(cannotVerify);
    try {
      const other = new URL(url);
      other.pathname = `/${name}`;
      const schema = await shareSearchPath(connection, name);
      const inside = await openCopyConnection(other.href).catch(cannotReach);
      try {
        await createSchema(inside, schema);
      } finally {
        await inside.close();
      }
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

/** A pooler may lead to the databases alone that it names. */
function cannotReach(error: unknown): never {
  const { message } = toError(toError(error).cause ?? error);
  throw new AppError(
    'config_invalid',
    `Verifying restores into a throwaway database beside the original, and DATABASE_URL leads to none (${message}): give the address of PostgreSQL itself instead of a pooler's, or use --no-verify.`,
    { cause: error },
  );
}

/** Drops the databases of checks of this home that were killed; one that somebody is in is no such database. */
export async function dropLeftovers(url: string, home: string): Promise<void> {
  const connection = await openCopyConnection(url);
  try {
    for (const { name } of await selectLeftCheckDatabases(connection, await markOf(home)))
      await dropIfUnused(connection, name);
  } finally {
    await connection.close();
  }
}
