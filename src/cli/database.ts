import { type Config, readConfig } from '../config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { attachLocalPostgres, type LocalPostgres, startLocalPostgres } from '../db/local/local-postgres.ts';
import { homeOwner } from '../db/local/lock.ts';
import { type Log, makeLog } from '../log.ts';

/** Where the data is, and how to leave it. */
export type DataSource = {
  url: string;
  description: string;
  /** Where PostgreSQL keeps it on this machine, where that is known. */
  dataDir?: string;
  stop(): Promise<void>;
};

/** The database of DATABASE_URL, else the home's own PostgreSQL, which is started. */
export async function startDatabase(config: Config, log: Log): Promise<DataSource> {
  return config.databaseUrl !== undefined
    ? given(config.databaseUrl)
    : own(await startLocalPostgres({ home: config.home, log: log.child({ part: 'postgres' }) }));
}

/** The same for a program beside a running `opsloop up`: the home's own PostgreSQL must be running already. */
export async function attachDatabase(config: Config, log: Log): Promise<DataSource> {
  return config.databaseUrl !== undefined
    ? given(config.databaseUrl)
    : own(await attachLocalPostgres({ home: config.home, log: log.child({ part: 'postgres' }) }));
}

/** The same for a program that does not care: beside a running `opsloop up` its PostgreSQL is used and left running. */
export async function openData(config: Config, log: Log): Promise<DataSource> {
  const beside = config.databaseUrl === undefined && (await homeOwner(config.home)) !== null;
  return beside ? attachDatabase(config, log) : startDatabase(config, log);
}

/** Does something with the database of this home, and leaves PostgreSQL as it was found. */
export async function withDatabase(
  work: (database: Database, config: Config) => Promise<void>,
): Promise<void> {
  const config = readConfig();
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const data = await openData(config, log);
  const database = openDatabase(data.url, { log, max: 2 });
  try {
    await work(database, config);
  } finally {
    await database.close();
    await data.stop();
  }
}

function given(url: string): DataSource {
  const { hostname, port, pathname } = new URL(url);
  return {
    url,
    description: `${hostname}${port ? `:${port}` : ''}${pathname}, by DATABASE_URL`,
    stop: async () => undefined,
  };
}

function own(local: LocalPostgres): DataSource {
  const description = `PostgreSQL ${local.version} in ${local.dataDir}, run by opsloop as ${local.runsAs}`;
  return { url: local.url, description, dataDir: local.dataDir, stop: local.stop };
}
