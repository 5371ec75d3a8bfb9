import type { Db } from '../../src/db/database.ts';

/** Whether a worker of this name holds steps right now. */
export async function holdsSteps(db: Db, name: string): Promise<boolean> {
  const rows = await db.query(
    `select from ops_steps where status = 'running' and starts_with(worker_id, $1 || '-') limit 1`,
    [name],
  );
  return rows.length > 0;
}

/** The id of a worker of this name that died since then. */
export async function deathOf(db: Db, name: string, sinceMs: number): Promise<string | null> {
  const [row] = await db.query<{ worker_id: string }>(
    `select worker_id from ops_workers where ended_as = 'died' and starts_with(worker_id, $1 || '-')
       and ended_at > to_timestamp($2::float8 / 1000) limit 1`,
    [name, sinceMs],
  );
  return row?.worker_id ?? null;
}

/** How many outputs of missions are stored, but not yet in the workspace. */
export async function countUnwritten(db: Db): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    'select count(*)::integer as n from ops_artefacts where written_at is null',
  );
  return row?.n ?? 0;
}
