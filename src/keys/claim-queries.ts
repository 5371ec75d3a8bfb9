import type { Db } from '../db/database.ts';
import type { HeldClaim } from './schema.ts';

export type HeldClaimRow = HeldClaim & {
  key_id: string;
  secret_hash: Buffer;
  key_name: string;
  key_agent_id: string | null;
};

/** A claim that was given out over HTTP, with its step and its key, unless that may not be used any more. */
export async function selectHeldClaim(
  db: Db,
  claimId: string,
  environmentKey: string,
): Promise<HeldClaimRow | null> {
  const [row] = await db.query<HeldClaimRow>(
    `select c.claim_id, c.step_id, c.worker_id, c.attempt, c.ended, s.kind, s.agent_id, s.proposal_id, s.failures,
       c.key_id, c.secret_hash, coalesce(k.name, c.key_id) as key_name, k.agent_id as key_agent_id
     from ops_work_claims c join ops_steps s on s.id = c.step_id left join ops_api_keys k on k.key_id = c.key_id
     where c.claim_id = $1 and (c.key_id = $2 or (k.key_id is not null and k.revoked_at is null
       and (k.expires_at is null or k.expires_at > clock_timestamp())))`,
    [claimId, environmentKey],
    'opsloop_held_claim',
  );
  return row ?? null;
}
