import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Db } from '../db/database.ts';
import { selectHeldClaim } from './claim-queries.ts';
import { ENVIRONMENT_KEY } from './environment-key.ts';
import type { Caller } from './schema.ts';
import { digest } from './secret.ts';

/**
 * `opw_<claim id>_<256 random bits>`: opens one claim, for as long as the key with which it was claimed may be used.
 * So the process that works a step needs no key.
 */
const FORM = /^opw_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$/;

export function isClaimToken(text: string): boolean {
  return FORM.test(text);
}

/** Makes the token of a claim, and what the database keeps of it. @param configured the key of the environment */
export function makeClaimToken(claimId: string, keyId: string, configured: string | undefined) {
  const token = `opw_${claimId.replaceAll('-', '')}_${randomBytes(32).toString('base64url')}`;
  return { token, secretHash: digestOf(token, keyId, configured) };
}

/** Who works the claim of this token; null when there is none, or its key is not in use any more. */
export async function findByClaimToken(
  db: Db,
  given: string,
  configured: string | undefined,
): Promise<Caller | null> {
  const [, hex = ''] = FORM.exec(given) ?? [];
  const row = await selectHeldClaim(db, hex, ENVIRONMENT_KEY);
  if (!row) return null;
  const { key_id, secret_hash, key_name, key_agent_id, ...claim } = row;
  if (!timingSafeEqual(digestOf(given, key_id, configured), secret_hash)) return null;
  return {
    by: `key:${key_id}`,
    keyId: key_id,
    name: key_name,
    agentId: key_agent_id,
    scopes: [],
    kinds: null,
    claim,
  };
}

/** The key of the environment has no row that could be revoked: with another one in its place its tokens end. */
function digestOf(text: string, keyId: string, configured: string | undefined): Buffer {
  return digest(keyId === ENVIRONMENT_KEY ? `${text} ${configured ?? ''}` : text);
}
