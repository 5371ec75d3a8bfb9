import type { Db } from '../db/database.ts';
import type { PolicyRow } from './schema.ts';

/** Any number; shared by decisions, exclusive for a change, so that no decision straddles a change. */
const POLICY_LOCK = 7_073_003;

/** Opens a transaction that decides. */
export const SHARE_POLICY = `select pg_advisory_xact_lock_shared(${POLICY_LOCK})`;

export async function lockPolicyExclusive(tx: Db): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [POLICY_LOCK]);
}

export function selectPolicy(db: Db): Promise<PolicyRow[]> {
  return db.query<PolicyRow>('select key, value, updated_at, updated_by from ops_policy order by key');
}

export async function lockPolicyRow(tx: Db, key: string): Promise<PolicyRow | null> {
  const [row] = await tx.query<PolicyRow>(
    'select key, value, updated_at, updated_by from ops_policy where key = $1 for update',
    [key],
  );
  return row ?? null;
}

export async function upsertPolicy(tx: Db, key: string, value: unknown, by: string): Promise<void> {
  await tx.query(
    `insert into ops_policy (key, value, updated_at, updated_by) values ($1, $2::jsonb, now(), $3)
     on conflict (key) do update set value = excluded.value, updated_at = now(), updated_by = excluded.updated_by`,
    [key, JSON.stringify(value), by],
  );
}

/** Adds the keys that are missing; returns which. */
export async function insertMissingPolicy(tx: Db, policy: Record<string, unknown>): Promise<string[]> {
  const rows = await tx.query<{ key: string }>(
    `insert into ops_policy (key, value, updated_by)
     select key, value, 'setup' from jsonb_each($1::jsonb)
     on conflict (key) do nothing returning key`,
    [JSON.stringify(policy)],
  );
  return rows.map((row) => row.key);
}

/** The database knows fewer or other time zones than the program may; it must know this one. */
export async function knowsTimeZone(db: Db, name: string): Promise<boolean> {
  const [row] = await db.query<{ known: boolean }>(
    'select exists (select from pg_timezone_names where lower(name) = lower($1)) as known',
    [name],
  );
  return row?.known ?? false;
}

/** Today in a time zone, and when tomorrow begins there: 23 or 25 hours later, when it must be. */
export async function selectDay(tx: Db, timezone: string): Promise<{ day: string; resets_at: Date }> {
  const [row] = await tx.query<{ day: string; resets_at: Date }>(
    `select (now() at time zone $1)::date as day,
            (((now() at time zone $1)::date + 1)::timestamp at time zone $1) as resets_at`,
    [timezone],
  );
  if (!row) throw new Error('the database gave no day');
  return row;
}

/** When the day so many days ago began in a time zone. */
export async function selectDaysAgo(db: Db, timezone: string, days: number): Promise<Date> {
  const [row] = await db.query<{ since: Date }>(
    `select ((now() at time zone $1)::date - $2::integer)::timestamp at time zone $1 as since`,
    [timezone, days],
  );
  if (!row) throw new Error('the database gave no day');
  return row.since;
}

/** When the day after a time began in a time zone, but not later than today did. */
export async function selectDayAfter(db: Db, timezone: string, time: Date): Promise<Date> {
  const [row] = await db.query<{ begun: Date }>(
    `select least(($2::timestamptz at time zone $1)::date + 1, (now() at time zone $1)::date)::timestamp
       at time zone $1 as begun`,
    [timezone, time],
  );
  if (!row) throw new Error('the database gave no day');
  return row.begun;
}

/**
 * Counts today's admitted proposals and spent tokens anew, by the day they have in another time zone. Days
 * after it begin from nothing: what the old zone had put there lies on this day now.
 */
export async function recountDay(tx: Db, timezone: string, day: string): Promise<void> {
  await tx.query(`delete from ops_counters where day >= $1`, [day]);
  await tx.query(
    `insert into ops_counters (day, scope, used)
     select $2::date, scope, count(*)
     from ops_proposals p,
          unnest(array['total', 'agent:' || p.agent_id, 'kind:' || p.kind]) as scope
     where p.cap_day is not null and (p.created_at at time zone $1)::date = $2::date
     group by scope
     union all
     select $2::date, scope, sum(coalesce(input_tokens, 0)::bigint + coalesce(output_tokens, 0))
     from ops_llm_calls c, unnest(array['tokens', 'tokens:' || coalesce(c.agent_id, '')]) as scope
     where (c.created_at at time zone $1)::date = $2::date
     group by scope`,
    [timezone, day],
  );
}
