import type { Database } from '../../src/db/database.ts';
import { readLog } from '../../test/support/loop.ts';
import type { Facts } from './facts.ts';

export async function readFacts(database: Database): Promise<Facts> {
  const log = await readLog(database);
  return {
    log,
    proposals: await database.query('select id, title, status, outcome from ops_proposals'),
    missions: await database.query('select id, status, retry_of, failure from ops_missions'),
    steps: await database.query('select id, status, claim_id, attempt from ops_steps'),
    artefacts: await database.query(
      'select name, content, written_at is not null as written from ops_artefacts order by name',
    ),
  };
}

export async function countActive(database: Database): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    `select count(*)::integer as n from ops_missions where status = 'active'`,
  );
  return row?.n ?? 0;
}

/** What hinders missions that have not ended, in a sentence each. */
export async function describeActive(database: Database): Promise<string[]> {
  const rows = await database.query<{ text: string }>(
    `select format('mission %s: step %s (%s) is %s, ready %s, available at %s, held by %s, %s of %s failures, last: %s',
       s.mission_id, s.id, s.kind, s.status, s.ready, s.available_at, s.worker_id, s.failures, s.max_failures,
       s.failure ->> 'class') as text
     from ops_missions m join ops_steps s on s.mission_id = m.id
     where m.status = 'active' and s.status in ('queued', 'running') order by s.queue_no limit 50`,
  );
  return rows.map(({ text }) => text);
}
