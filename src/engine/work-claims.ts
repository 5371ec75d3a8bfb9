import type { Db } from '../db/database.ts';
import type { Claim, ClaimRef, WorkEnd } from './schema.ts';

export type NewWorkClaim = { claim: Claim; secretHash: Buffer };

/**
 * Gives claims their own leases and tokens, in the transaction that makes them. The worker's row is held until it ends,
 * so that a worker that leaves, or is declared dead, meanwhile is not given what nobody would give back.
 * @returns when the leases end, or why there are none
 */
export async function insertWorkClaims(
  tx: Db,
  worker: { workerId: string; keyId: string; keyHasNoRow: boolean; leaseMs: number },
  given: NewWorkClaim[],
): Promise<Date | 'key_over' | 'worker_ended'> {
  const [row] = await tx.query<{ lease_expires_at: Date | null; alive: boolean }>(
    `with moment as materialized (select clock_timestamp() as now),
     alive as materialized (
       select worker_id from ops_workers where worker_id = $1 and ended_at is null for share),
     made as (
       insert into ops_work_claims (claim_id, step_id, worker_id, key_id, attempt, secret_hash, claimed_at, renewed_at,
         lease_expires_at)
       select given.claim_id, given.step_id, alive.worker_id, $2, given.attempt, given.secret_hash, moment.now, moment.now,
         moment.now + $3 * interval '1 ms'
       from moment, alive, unnest($4::uuid[], $5::uuid[], $6::integer[], $7::bytea[])
         as given(claim_id, step_id, attempt, secret_hash)
       where $8 or exists (select from ops_api_keys where key_id = $2 and revoked_at is null
         and (expires_at is null or expires_at > clock_timestamp()))
       returning lease_expires_at)
     select (select lease_expires_at from made limit 1), exists (select from alive) as alive`,
    [
      worker.workerId,
      worker.keyId,
      worker.leaseMs,
      given.map(({ claim }) => claim.claim_id),
      given.map(({ claim }) => claim.id),
      given.map(({ claim }) => claim.attempt),
      given.map(({ secretHash }) => secretHash),
      worker.keyHasNoRow,
    ],
    'opsloop_work_claims',
  );
  if (!row?.alive) return 'worker_ended';
  return row.lease_expires_at ?? 'key_over';
}

/** What a worker over HTTP is told of a claim: when its lease ends now, or that it must stop, and why. */
export type RenewedClaim = {
  claim_id: string;
  lease_expires_at: Date | null;
  abort: 'claim_lost' | 'paused' | null;
};

/**
 * Renews leases of one worker, each for its own length, and the worker's with them. A claim that is lost is told
 * as such; so is one that never was. A running step is recognised as in completeSteps.
 */
export function renewWorkClaims(db: Db, workerId: string, claimIds: string[]): Promise<RenewedClaim[]> {
  return db.query<RenewedClaim>(
    `with paused as materialized (
       select coalesce((value ->> 'enabled')::boolean, true) as everybody,
              array(select jsonb_array_elements_text(value -> 'agents')) as agents
       from ops_policy where key = 'paused'),
     renewed as (
       update ops_work_claims c set renewed_at = clock_timestamp(),
         lease_expires_at = clock_timestamp() + (c.lease_expires_at - c.renewed_at)
       from ops_steps s
       where c.claim_id = any ($2::uuid[]) and c.worker_id = $1
         and s.id = c.step_id and s.claim_id = c.claim_id and s.completed_at is null
       returning c.claim_id, c.lease_expires_at, s.agent_id),
     alive as (
       update ops_workers set renewed_at = clock_timestamp(),
         lease_expires_at = greatest(lease_expires_at, (select max(lease_expires_at) from renewed))
       where worker_id = $1 and ended_at is null and exists (select from renewed))
     select given.claim_id, renewed.lease_expires_at,
       case when renewed.claim_id is null then 'claim_lost'
            when coalesce((select everybody or renewed.agent_id = any (agents) from paused), true) then 'paused'
       end as abort
     from unnest($2::uuid[]) as given(claim_id) left join renewed using (claim_id)`,
    [workerId, claimIds],
    'opsloop_renew_work',
  );
}

/** What a worker over HTTP holds, by the database, and which of it was claimed more than `olderMs` ago. */
export function heldOverHttp(
  db: Db,
  workerId: string,
  olderMs: number,
): Promise<(ClaimRef & { older: boolean })[]> {
  return db.query<ClaimRef & { older: boolean }>(
    `select id, claim_id, claimed_at < clock_timestamp() - $2 * interval '1 ms' as older
     from ops_steps where status = 'running' and worker_id = $1`,
    [workerId, olderMs],
    'opsloop_held_over_http',
  );
}

/** Locks the claim's row, so that repeats of one end wait for the first; how it ended by then. */
export async function lockWorkEnd(tx: Db, claimId: string): Promise<WorkEnd | null> {
  const [row] = await tx.query<{ ended: WorkEnd | null }>(
    'select ended from ops_work_claims where claim_id = $1 for update',
    [claimId],
  );
  return row?.ended ?? null;
}

/** Notes how claims ended, so that a repeat gets the same answer. What was noted before stays. */
export async function noteWorkEnds(db: Db, claimIds: string[], end: WorkEnd): Promise<void> {
  await db.query(
    `update ops_work_claims set ended = $2::jsonb || coalesce(ended, '{}') where claim_id = any ($1::uuid[])`,
    [claimIds, JSON.stringify(end)],
  );
}

/** Forgets claims that nobody holds, an hour after their lease, so many at most. @returns how many */
export async function deleteOldWorkClaims(db: Db, most: number): Promise<number> {
  const [row] = await db.query<{ deleted: number }>(
    `with old as materialized (
       select claim_id from ops_work_claims c
       where claimed_at < (select clock_timestamp() - interval '1 hour')
         and lease_expires_at < (select clock_timestamp() - interval '1 hour')
         and not exists (select from ops_steps s
           where s.id = c.step_id and s.claim_id = c.claim_id and s.completed_at is null)
       limit $1 for update skip locked),
     deleted as (delete from ops_work_claims c using old where c.claim_id = old.claim_id returning 1)
     select count(*)::integer as deleted from deleted`,
    [most],
  );
  return row?.deleted ?? 0;
}
