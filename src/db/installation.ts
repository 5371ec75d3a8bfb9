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
    `with noted as (
       insert into ops_installation (key, value) values ($1, $2::jsonb) on conflict (key) do nothing returning *),
     events as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select 'installation.noted', 'installation', 'installation', key, jsonb_build_object(
         'cause', jsonb_build_object('by', 'program'), 'set', jsonb_build_object('value', value))
       from noted)
     select key from noted`,
    [fact, JSON.stringify(value)],
  );
  return rows.length > 0;
}
