import { randomBytes } from 'node:crypto';
import { type CopyConnection, openCopyConnection } from '../db/copy.ts';
import { mayNot } from '../db/sqlstate.ts';
import { AppError, toError } from '../errors.ts';
import { openArchive } from './archive.ts';
import { checkWithFiles, type Report } from './check-copy.ts';
import { holdStill } from './hold-still.ts';
import { markOf } from './mark.ts';
import {
  createCheckDatabase,
  createSchema,
  dropCheckDatabase,
  dropIfMine,
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
  const mark = await markOf(home);
  const suffix = randomBytes(6).toString('hex');
  const name = await over(url, (server) => createCheckDatabase(server, mark, suffix).catch(cannotVerify));
  try {
    const other = new URL(url);
    other.pathname = `/${name}`;
    const schema = await over(url, (server) => shareSearchPath(server, name));
    const inside = await openCopyConnection(other.href).catch(cannotReach);
    try {
      await createSchema(inside, schema);
    } finally {
      await inside.close();
    }
    return await work(other.href);
  } finally {
    // What cannot be dropped now takes nothing from what was found: the next backup drops it.
    await over(url, (server) => dropCheckDatabase(server, name)).catch(() => undefined);
  }
}

/** For as long as it takes: one that was open beside a long check might be ended for saying nothing. */
async function over<T>(url: string, work: (connection: CopyConnection) => Promise<T>): Promise<T> {
  const connection = await openCopyConnection(url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function cannotVerify(error: unknown): never {
  if (mayNot(error))
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

/**
 * Drops the databases of checks of this home that were killed.
 * @returns those that stay: somebody is in them, as in that of a check under way, or another role made them
 */
export async function dropLeftovers(url: string, home: string): Promise<string[]> {
  const mark = await markOf(home);
  return over(url, async (server) => {
    const left: string[] = [];
    for (const { name } of await selectLeftCheckDatabases(server, mark))
      if (!(await dropIfMine(server, name))) left.push(name);
    return left;
  });
}
