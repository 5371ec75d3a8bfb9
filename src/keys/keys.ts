import { timingSafeEqual } from 'node:crypto';
import type { Database, Db } from '../db/database.ts';
import { brokenConstraint } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { appendEvents } from '../events/events.ts';
import { findByClaimToken, isClaimToken } from './claim-tokens.ts';
import { insertKey, revokeKeyRow, selectKeys, selectUsableKey, touchKey } from './queries.ts';
import { ENVIRONMENT_CALLER, ENVIRONMENT_KEY } from './environment-key.ts';
import type { Caller, KeyInput, KeyRow, Scope } from './schema.ts';
import { digest, makeSecret, readSecret } from './secret.ts';
import { findBySession } from './sessions.ts';

/** An agent's key must not decide over what the agent wants. */
const AGENT_SCOPES: readonly Scope[] = ['propose', 'read', 'emit', 'work'];

/** Makes a key. Its text is in this answer and nowhere else. */
export async function createKey(
  database: Database,
  input: KeyInput,
  by: string,
): Promise<{ key: string; row: KeyRow }> {
  const scopes = [...new Set(input.scopes)];
  const agentId = input.agent_id ?? null;
  const tooMuch = agentId === null ? [] : scopes.filter((scope) => !AGENT_SCOPES.includes(scope));
  if (tooMuch.length > 0) {
    throw new AppError(
      'invalid_request',
      `An agent's key cannot have the scope ${tooMuch.join(' or ')}: agents never decide. Allowed are ${AGENT_SCOPES.join(', ')}; for an operator's key leave agent_id out.`,
      { details: { refused: tooMuch, allowed: AGENT_SCOPES } },
    );
  }
  const kinds = input.kinds === undefined ? null : [...new Set(input.kinds)];
  if (kinds !== null && !scopes.includes('work'))
    throw new AppError('invalid_request', 'Only a key with the scope work can be limited to kinds of steps.');

  const { id: keyId, text: key } = makeSecret('ops');
  const inserting = database.transaction(async (tx) => {
    const inserted = await insertKey(tx, {
      key_id: keyId,
      secretHash: digest(key),
      name: input.name,
      scopes,
      agent_id: agentId,
      kinds,
      created_by: by,
      expiresInDays: input.expires_in_days ?? null,
    });
    await appendEvents(tx, {
      kind: 'key.created',
      source: 'keys',
      entity: 'key',
      entityId: keyId,
      payload: {
        set: {
          name: input.name,
          scopes,
          agent_id: agentId,
          kinds,
          expires_at: inserted.expires_at,
          // Of the digest that is stored: it shows whether that was replaced, and opens nothing.
          secret: `sha256:${digest(digest(key).toString('hex')).toString('hex')}`,
        },
        cause: { by },
      },
    });
    return inserted;
  });
  const row = await inserting.catch((error: unknown) => {
    if (brokenConstraint(error) !== 'ops_api_keys_agent_id_fkey') throw error;
    throw new AppError('unknown_agent', `No agent has the id "${agentId}"; \`opsloop agents\` lists them.`, {
      details: { agent_id: agentId },
    });
  });
  database.hints.tell('events');
  return { key, row };
}

export function listKeys(db: Db): Promise<KeyRow[]> {
  return selectKeys(db);
}

/** From this commit on the key opens nothing. @throws AppError not_found */
export async function revokeKey(database: Database, keyId: string, by: string): Promise<KeyRow> {
  const row = await database.transaction(async (tx) => {
    const revoked = await revokeKeyRow(tx, keyId);
    if (!revoked)
      throw new AppError('not_found', `There is no key ${keyId} in use; \`opsloop keys\` lists them.`);
    await appendEvents(tx, {
      kind: 'key.revoked',
      source: 'keys',
      entity: 'key',
      entityId: keyId,
      payload: { cause: { by } },
    });
    return revoked;
  });
  database.hints.tell('events');
  return row;
}

/** @param codes whether a code for signing in is taken as well; only the route that uses it up takes one */
export type Authenticate = (given: string, codes?: boolean) => Promise<Caller | null>;

/**
 * Finds who a key or a session belongs to. It is looked up at every request, so that a revocation works at once.
 * @param configured an operator's key from the environment, which needs no row
 */
export function makeAuthenticate(database: Database, configured?: string): Authenticate {
  const configuredDigest = configured === undefined ? null : digest(configured);

  const touchedAt = new Map<string, number>();
  const touch = (keyId: string) => {
    const now = performance.now();
    if (now - (touchedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < TOUCH_EVERY_MS) return;
    touchedAt.set(keyId, now);
    touchKey(database, keyId).catch(() => undefined);
  };

  return async function authenticate(given, codes = false) {
    const givenDigest = digest(given);
    if (configuredDigest && timingSafeEqual(givenDigest, configuredDigest)) return ENVIRONMENT_CALLER;
    if (isClaimToken(given)) {
      const caller = await findByClaimToken(database, given, configured);
      if (caller && caller.keyId !== ENVIRONMENT_KEY) touch(caller.keyId);
      return caller;
    }
    const secret = readSecret(given);
    // A link is taken by the one route that it is for.
    if (secret?.kind === 'opd') return null;
    if (secret && secret.kind !== 'ops') {
      const isCode = secret.kind === 'opc';
      if (isCode && !codes) return null;
      const caller = await findBySession(database, given, { id: secret.id, isCode }, configuredDigest);
      if (caller) touch(caller.keyId);
      return caller;
    }
    const row = secret && (await selectUsableKey(database, secret.id));
    // Compared also when there is no such key, so that both cases take the same time.
    const matches = timingSafeEqual(givenDigest, row?.secret_hash ?? NO_DIGEST);
    if (!row || !matches) return null;
    touch(row.key_id);
    return toCaller(row);
  };
}

/** Whoever holds this key, for what was done in its name before; null once it opens nothing. */
export async function usableCaller(
  db: Db,
  keyId: string,
  hasEnvironmentKey: boolean,
): Promise<Caller | null> {
  if (keyId === ENVIRONMENT_KEY) return hasEnvironmentKey ? ENVIRONMENT_CALLER : null;
  const row = await selectUsableKey(db, keyId);
  return row && toCaller(row);
}

function toCaller({ key_id, name, agent_id, scopes, kinds }: KeyRow): Caller {
  return { by: `key:${key_id}`, keyId: key_id, name, agentId: agent_id, scopes, kinds };
}

const NO_DIGEST = Buffer.alloc(32);
const TOUCH_EVERY_MS = 60_000;
