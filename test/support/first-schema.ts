import { readFile } from 'node:fs/promises';
import { seedAgents } from '../../src/agents/agents.ts';
import type { Database } from '../../src/db/database.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { anyUnsealed } from '../../src/events/queries.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { seedPolicy } from '../../src/policy/policy.ts';

const STEPS = 10;
/** Of a mission of the history: its end, and the start and end of each step. */
const EVENTS_PER_MISSION = 1 + 2 * STEPS;
const LONG = { limitMs: 600_000 };

/** A waiting step and a pending proposal as they were then, and one step that a worker of that time died in. */
const OPEN_WORK = `
  insert into ops_proposals (id, agent_id, kind, title, body, status, policy_snapshot, created_by, cap_day, decided_at, decision)
  values ('02000000-aaaa-7000-8000-000000000001', 'pm', 'analysis', 'Waits', 'A fact. Another.', 'approved', '{}', 'policy', current_date,
          now(), '{"by": "policy", "action": "approved", "verdicts": []}'),
         ('02000000-aaaa-7000-8000-000000000002', 'pm', 'analysis', 'Was running', 'A fact. Another.', 'approved', '{}', 'policy',
          current_date, now(), '{"by": "policy", "action": "approved", "verdicts": []}'),
         ('02000000-aaaa-7000-8000-000000000003', 'pm', 'deploy', 'Pending', null, 'pending', '{}', 'policy', current_date, null, null);
  insert into ops_missions (id, proposal_id, title, status, agent_id)
  values ('02000000-bbbb-7000-8000-000000000001', '02000000-aaaa-7000-8000-000000000001', 'Waits', 'active', 'pm'),
         ('02000000-bbbb-7000-8000-000000000002', '02000000-aaaa-7000-8000-000000000002', 'Was running', 'active', 'pm');
  insert into ops_workers (worker_id, host, pid, version, kinds, lease_expires_at)
  values ('w-then', 'then', 1, '0.1.0', '{"analyze": 1}', now());
  insert into ops_steps (mission_id, kind, title, status, agent_id, proposal_id, ready, worker_id, claim_id, claimed_at, attempt)
  values ('02000000-bbbb-7000-8000-000000000001', 'analyze', 'analyze: Waits', 'queued', 'pm',
          '02000000-aaaa-7000-8000-000000000001', true, null, null, null, 0),
         ('02000000-bbbb-7000-8000-000000000002', 'analyze', 'analyze: Was running', 'running', 'pm',
          '02000000-aaaa-7000-8000-000000000002', false, 'w-then', gen_random_uuid(), now(), 1);`;

/** Makes the schema of the first release in an empty database, and fills it with so many events or a few more, sealed. */
export async function makeFirstSchema(database: Database, home: string, events: number): Promise<void> {
  await migrate(database, (await readMigrations()).slice(0, 1));
  await database.transaction(async (tx) => {
    await seedPolicy(tx);
    await seedAgents(tx);
  });
  const text = await readFile(new URL('../../bench/history.sql', import.meta.url), 'utf8');
  // The rest of it seals without digests.
  const [history = ''] = text
    .replaceAll('{missions}', String(Math.ceil(events / EVENTS_PER_MISSION)))
    .replaceAll('{steps}', String(STEPS))
    .split('-- Digests');
  await database.query(`${history}; ${OPEN_WORK}; set session_replication_role = origin`, undefined, LONG);
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
