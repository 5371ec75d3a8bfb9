import type { Db } from '../db/database.ts';
import { type ClaimRef, LEASE_MS, RENEW_EVERY_MS } from './schema.ts';

export type WorkerInfo = {
  workerId: string;
  host: string;
  pid: number;
  version: string;
  kinds: Record<string, number>;
};

/** Makes the worker known, with its first lease. */
export async function registerWorker(db: Db, worker: WorkerInfo): Promise<void> {
  await db.query(
    `with made as (
       insert into ops_workers (worker_id, host, pid, version, kinds, lease_expires_at)
       values ($1, $2, $3, $4, $5::jsonb, clock_timestamp() + $6 * interval '1 ms')
       returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'worker.started', 'worker', 'worker', worker_id, jsonb_build_object('from', null, 'to', 'alive',
       'cause', jsonb_build_object('by', worker_id),
       'set', jsonb_build_object('host', host, 'pid', pid, 'version', version, 'kinds', kinds))
     from made`,
    [worker.workerId, worker.host, worker.pid, worker.version, JSON.stringify(worker.kinds), LEASE_MS],
  );
}

export type Renewal = {
  /** False: the worker was declared dead, and nothing it holds is its own any more. */
  alive: boolean;
  /** The claims among those held that are lost: cancelled, or recovered. */
  lost: string[];
  paused: boolean;
  pausedAgents: string[];
};

/** Renews the lease of all the worker's claims with one write, and tells what it must stop. */
export async function renewLease(db: Db, workerId: string, held: ClaimRef[]): Promise<Renewal> {
  const [row] = await db.query<Renewal>(
    `with renewed as (
       update ops_workers set renewed_at = clock_timestamp(),
         lease_expires_at = clock_timestamp() + $4 * interval '1 ms'
       where worker_id = $1 and ended_at is null
       returning 1)
     select exists (select from renewed) as alive,
       array(select claim_id from unnest($2::uuid[], $3::uuid[]) as held(id, claim_id)
             where not exists (select from ops_steps s
               where s.id = held.id and s.claim_id = held.claim_id and s.status = 'running')) as lost,
       coalesce((select (value ->> 'enabled')::boolean from ops_policy where key = 'paused'), true) as paused,
       array(select jsonb_array_elements_text(value -> 'agents') from ops_policy where key = 'paused') as "pausedAgents"`,
    [workerId, held.map((claim) => claim.id), held.map((claim) => claim.claim_id), LEASE_MS],
    // A connection that has gone silent must not cost the lease: another one is taken in time.
    { name: 'opsloop_renew', limitMs: RENEW_EVERY_MS },
  );
  return row ?? { alive: false, lost: [], paused: true, pausedAgents: [] };
}

/**
 * Running steps that the database believes this worker holds: those it does not know of were claimed by an answer that
 * was lost.
 */
export function heldInDatabase(db: Db, workerId: string): Promise<ClaimRef[]> {
  return db.query<ClaimRef>(
    `select id, claim_id from ops_steps where status = 'running' and worker_id = $1`,
    [workerId],
    'opsloop_held',
  );
}

/** Whether the claim still holds its step. */
export async function isHeld(db: Db, claim: ClaimRef): Promise<boolean> {
  const rows = await db.query(
    `select from ops_steps where id = $1 and claim_id = $2 and status = 'running'`,
    [claim.id, claim.claim_id],
  );
  return rows.length > 0;
}

/** The worker leaves in order. */
export async function retireWorker(db: Db, workerId: string): Promise<void> {
  await db.query(
    `with ended as (
       update ops_workers set ended_at = clock_timestamp(), ended_as = 'stopped'
       where worker_id = $1 and ended_at is null returning worker_id)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'worker.stopped', 'worker', 'worker', worker_id,
       jsonb_build_object('from', 'alive', 'to', 'stopped', 'cause', jsonb_build_object('by', worker_id))
     from ended`,
    [workerId],
  );
}

/**
 * Declares workers dead whose lease ran out. A database that has just restarted gives every lease one fresh
 * period first, because nobody could renew while it was away.
 * @param httpSinceMs those who work over HTTP get theirs from then on (by the database's clock): they renew
 *   through a server, which may have been away
 */
export async function buryDeadWorkers(tx: Db, httpSinceMs = 0): Promise<string[]> {
  const rows = await tx.query<{ worker_id: string }>(
    `with dead as materialized (
       select worker_id from ops_workers
       where ended_at is null
         and clock_timestamp() > greatest(lease_expires_at, pg_postmaster_start_time() + $1 * interval '1 ms',
           case when key_id is not null then (lease_expires_at - renewed_at)
             + greatest(pg_postmaster_start_time(), to_timestamp($2::float8 / 1000)) end)
       for update skip locked),
     ended as (
       update ops_workers w set ended_at = clock_timestamp(), ended_as = 'died'
       from dead where w.worker_id = dead.worker_id returning w.worker_id, w.renewed_at),
     events as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select 'worker.died', 'heartbeat', 'worker', worker_id, jsonb_build_object('from', 'alive', 'to', 'died',
         'cause', jsonb_build_object('by', 'sweep', 'reason', 'lease ran out'), 'renewed_at', renewed_at)
       from ended)
     select worker_id from ended`,
    [LEASE_MS, httpSinceMs],
  );
  return rows.map((row) => row.worker_id);
}

/** The database's clock, in milliseconds, and whether a lease may have run out or a running step has no living worker. */
export type Watch = { ms: number; any_dead: boolean };

/** Cheaper than the sweep that would end what is dead. */
export async function watchForDead(db: Db): Promise<Watch> {
  const [watch] = await db.query<Watch>(
    `select extract(epoch from clock_timestamp())::float8 * 1000 as ms,
       exists (select from ops_workers where ended_at is null and lease_expires_at < clock_timestamp())
         or exists (select from ops_steps s where s.status = 'running' and not exists (
              select from ops_workers w where w.worker_id = s.worker_id and w.ended_at is null))
         or exists (select from ops_steps s, lateral (
              select from ops_work_claims c
              where c.claim_id = s.claim_id and c.lease_expires_at < clock_timestamp() limit 1) as expired
              where s.status = 'running') as any_dead`,
    [],
    'opsloop_watch',
  );
  if (!watch) throw new Error('the database told no time');
  return watch;
}

export type WorkerRow = {
  worker_id: string;
  host: string;
  /** Null: it works over HTTP, with the key `key_id`; `agent_id` is the agent that the key speaks for. */
  pid: number | null;
  key_id: string | null;
  agent_id: string | null;
  version: string;
  kinds: Record<string, number>;
  started_at: Date;
  renewed_at: Date;
  lease_expires_at: Date;
  ended_at: Date | null;
  ended_as: 'stopped' | 'died' | null;
  alive: boolean;
  holds: number;
};

/** Those alive first, then the most recent. */
export function listWorkers(db: Db, limit: number): Promise<WorkerRow[]> {
  return db.query<WorkerRow>(
    `select w.*, k.agent_id, ended_at is null and lease_expires_at > clock_timestamp() as alive,
       (select count(*) from ops_steps s where s.status = 'running' and s.worker_id = w.worker_id)::integer as holds
     from ops_workers w left join ops_api_keys k on k.key_id = w.key_id order by ended_at is not null, started_at desc
     limit $1`,
    [limit],
  );
}
