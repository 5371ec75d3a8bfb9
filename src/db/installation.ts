import type { Db } from './database.ts';

/** Facts about the installation that outlive processes. */
export type Fact = 'model_seen' | 'sample_proposed';

export async function isKnown(db: Db, fact: Fact): Promise<boolean> {
  const [row] = await db.query<{ known: boolean }>(
    'select exists (select from ops_installation where key = $1) as known',
    [fact],
  );
  return row?.known ?? false;
}

/** Notes the fact. Returns whether this call was the first. */
export async function noteFact(db: Db, fact: Fact, value: unknown = true): Promise<boolean> {
  const rows = await db.query(
    'insert into ops_installation (key, value) values ($1, $2::jsonb) on conflict (key) do nothing returning key',
    [fact, JSON.stringify(value)],
  );
  return rows.length > 0;
}
