import type { Db } from '../db/database.ts';

export type HttpWorker = {
  workerId: string;
  host: string;
  keyId: string;
  version: string;
  kinds: Record<string, number>;
};

/** Who has the name of a worker, where it cannot be kept; `ended`: it stopped, or was declared dead. */
export type Refused = { key_id: string | null; ended: boolean };

/**
 * Makes a worker over HTTP known, or renews its lease: at least for so long from now. Another key cannot speak for
 * it, and one that has ended is not raised.
 * @returns null when it is kept
 */
export async function keepHttpWorker(db: Db, worker: HttpWorker, leaseMs: number): Promise<Refused | null> {
  const [row] = await db.query<{ kept: boolean; key_id: string | null; ended: boolean }>(
    `with known as materialized (select key_id, kinds, ended_at from ops_workers where worker_id = $1),
     kept as (
       insert into ops_workers as w (worker_id, host, key_id, version, kinds, lease_expires_at)
       values ($1, $2, $3, $4, $5::jsonb, clock_timestamp() + $6 * interval '1 ms')
       on conflict (worker_id) do update set renewed_at = clock_timestamp(), kinds = excluded.kinds,
         lease_expires_at = greatest(w.lease_expires_at, excluded.lease_expires_at)
       where w.ended_at is null and w.key_id = excluded.key_id
       returning w.*, xmax = 0 as is_new),
     events as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select case when is_new then 'worker.started' else 'worker.changed' end, 'worker', 'worker', worker_id,
         jsonb_build_object('from', case when not is_new then 'alive' end, 'to', 'alive',
           'cause', jsonb_build_object('by', 'key:' || key_id),
           'set', case when is_new
             then jsonb_build_object('host', host, 'pid', null, 'version', version, 'kinds', kinds, 'key_id', key_id)
             else jsonb_build_object('kinds', kinds) end)
       from kept where is_new or kinds is distinct from (select kinds from known))
     select exists (select from kept) as kept, (select key_id from known),
       coalesce((select ended_at is not null from known), false) as ended`,
    [worker.workerId, worker.host, worker.keyId, worker.version, JSON.stringify(worker.kinds), leaseMs],
    'opsloop_keep_worker',
  );
  return row && !row.kept ? row : null;
}

/** Whose worker this is; null when there is none of that name. */
export async function keyOfWorker(db: Db, workerId: string): Promise<string | null> {
  const [row] = await db.query<{ key_id: string | null }>(
    'select key_id from ops_workers where worker_id = $1',
    [workerId],
    'opsloop_key_of_worker',
  );
  return row?.key_id ?? null;
}
