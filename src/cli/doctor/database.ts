import type { Config } from '../../config.ts';
import { type Database, openDatabase } from '../../db/database.ts';
import { describeLocalPostgres } from '../../db/local/local-postgres.ts';
import { DEAF_TODO, whyDeaf } from '../../db/listener.ts';
import { migrationStatus } from '../../db/migrate.ts';
import { OLDEST_SUPPORTED, readSettings } from '../../db/settings.ts';
import { toError } from '../../errors.ts';
import { silentLog } from '../../log.ts';
import { attachDatabase } from '../database.ts';
import { type Check, ok, problem, warning } from './check.ts';

/** The database, its settings and its schema. Gives the open database on where it answers. */
export async function checkDatabase(config: Config): Promise<{ checks: Check[]; database: Database | null }> {
  const checks: Check[] = config.databaseUrl === undefined ? await checkOwnPostgres(config) : [];
  try {
    const data = await attachDatabase(config, silentLog());
    const database = openDatabase(data.url, { log: silentLog(), max: 2, queryTimeoutMs: 10_000 });
    try {
      const settings = await readSettings(database);
      checks.push(
        settings.versionNumber >= OLDEST_SUPPORTED
          ? ok('database', `PostgreSQL ${settings.version}, ${data.description}`)
          : problem('database', `PostgreSQL ${settings.version}`, 'opsloop needs PostgreSQL 15 or newer.'),
        settings.unsafe.length === 0
          ? ok('durability', 'fsync, synchronous_commit and full_page_writes are on')
          : problem(
              'durability',
              `${settings.unsafe.join(', ')} off`,
              'Switch it on: a crash can lose what was acknowledged.',
            ),
        await checkSchema(database),
        await checkHints(config, database),
      );
      return { checks, database };
    } catch (error) {
      await database.close();
      throw error;
    }
  } catch (error) {
    checks.push(problem('database', toError(error).message, 'Start `opsloop up`, or check DATABASE_URL.'));
    return { checks, database: null };
  }
}

async function checkOwnPostgres(config: Config): Promise<Check[]> {
  const facts = await describeLocalPostgres(config.home);
  const where = facts.dataDir ? `data in ${facts.dataDir}` : 'no data yet';
  const state = facts.running ? 'running' : facts.created ? 'stopped' : 'not created yet';
  const own = ok('own postgres', `${state}, ${where}${facts.runsAs ? `, runs as ${facts.runsAs}` : ''}`);
  return [
    own,
    ...facts.problems.map((found) =>
      problem('own postgres', found, 'See its log in the home, then start `opsloop up` again.'),
    ),
  ];
}

async function checkSchema(database: Database): Promise<Check> {
  const { current, newest } = await migrationStatus(database);
  if (current === newest) return ok('schema', `version ${current}`);
  return current > newest
    ? problem('schema', `version ${current}, this program knows ${newest}`, 'Install the newer opsloop.')
    : warning('schema', `version ${current} of ${newest}`, 'Run `opsloop migrate`, or start `opsloop up`.');
}

async function checkHints({ listenUrl }: Config, database: Database): Promise<Check> {
  if (listenUrl === null) return ok('hints', 'by polling alone, as OPSLOOP_LISTEN_URL=none says');
  const why = await whyDeaf(listenUrl ?? database.url, database);
  return why === null ? ok('hints', 'LISTEN hears what is notified') : warning('hints', why, DEAF_TODO);
}
