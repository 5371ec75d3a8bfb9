import { readFile } from 'node:fs/promises';
import { seedAgents } from '../../src/agents/agents.ts';
import type { Database } from '../../src/db/database.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { anyUnsealed } from '../../src/events/queries.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { seedPolicy, setPolicy } from '../../src/policy/policy.ts';

const STEPS = 10;
/** Of a mission of the history: five of its own and of its proposal, and the start and end of each step. */
const EVENTS_PER_MISSION = 5 + 2 * STEPS;
const LONG = { limitMs: 600_000 };

/** Makes the schema of the first release in an empty database, and fills it with so many events or a few more, sealed. */
export async function makeFirstSchema(database: Database, home: string, events: number): Promise<void> {
  await migrate(database, (await readMigrations()).slice(0, 1));
  await database.transaction(async (tx) => {
    await seedPolicy(tx);
    await seedAgents(tx);
  });
  await setPolicy(database, 'plans', { analysis: Array.from({ length: STEPS }, () => 'analyze') }, 'test');
  await setPolicy(
    database,
    'daily_caps',
    { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 },
    'test',
  );
  const text = await readFile(new URL('./sound-history.sql', import.meta.url), 'utf8');
  const history = text
    .replaceAll('{missions}', String(Math.ceil(events / EVENTS_PER_MISSION)))
    .replaceAll('{steps}', String(STEPS));
  await database.query(history, undefined, LONG);
  while (await anyUnsealed(database)) await sealOnce(database);
  await signChainEnd(database, home);
}

type Content = Record<string, { rows: number; sum: string }>;
type Columns = { name: string; columns: string[] };

export function columnsOf(database: Database): Promise<Columns[]> {
  return database.query<Columns>(
    `select table_name as name, array_agg(column_name::text order by ordinal_position) as columns
     from information_schema.columns where table_schema = 'public' and table_name <> 'ops_migrations' group by 1 order by 1`,
  );
}

/** The number of rows of each table, and a sum over these columns of all of them in whatever order. */
export async function contentOf(database: Database, tables: Columns[]): Promise<Content> {
  const content: Content = {};
  for (const { name, columns } of tables) {
    const row = `row(${columns.map((column) => `"${column}"`).join()})::text`;
    const [found] = await database.query<{ rows: number; sum: string }>(
      `select count(*)::integer as rows, coalesce(sum(('x' || left(md5(${row}), 15))::bit(60)::bigint), 0)::text as sum from ${name}`,
      undefined,
      LONG,
    );
    if (found) content[name] = found;
  }
  return content;
}
