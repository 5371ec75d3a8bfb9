import type { Db } from '../db/database.ts';

export type Promoted = {
  promoted: number;
  /** Milliseconds to the next one. */
  nextInMs: number | null;
  /** There may be more whose time has come. */
  more: boolean;
};

const MOST_AT_ONCE = 1_000;

/** Makes delayed steps claimable whose time has come. */
export async function promoteDelayed(db: Db): Promise<Promoted> {
  const [row] = await db.query<{ promoted: number; next_in_ms: number | null }>(
    `with due as materialized (
       select id from ops_steps where available_at <= (select clock_timestamp())
       order by available_at limit ${MOST_AT_ONCE} for update skip locked),
     promoted as (
       update ops_steps s set ready = true, available_at = null
       from due where s.id = due.id and s.status = 'queued' returning 1)
     select (select count(*) from promoted)::integer as promoted,
       (select extract(epoch from available_at - clock_timestamp()) * 1000 from ops_steps
        where available_at > (select clock_timestamp()) order by available_at limit 1)::float8 as next_in_ms`,
    [],
    'opsloop_promote',
  );
  const promoted = row?.promoted ?? 0;
  return { promoted, nextInMs: row?.next_in_ms ?? null, more: promoted === MOST_AT_ONCE };
}
