import type { Db } from '../db/database.ts';
import type { Scope } from './schema.ts';

/** Whose session it is: a key with a row, or the key of the environment, which has none. */
export type Owner = { keyId: string } | { environmentKeyHash: Buffer };

/** A session whose key may still be used. */
export type SessionRow = {
  session_id: string;
  key_id: string | null;
  environment_key_hash: Buffer | null;
  code_hash: Buffer | null;
  secret_hash: Buffer | null;
  expires_at: Date;
  name: string | null;
  scopes: Scope[] | null;
  agent_id: string | null;
  kinds: string[] | null;
};

type NewSession = {
  sessionId: string;
  owner: Owner;
  codeHash: Buffer | null;
  secretHash: Buffer | null;
  codeSeconds: number;
  days: number;
};

export async function insertSession(tx: Db, session: NewSession): Promise<{ expires_at: Date }> {
  const { owner } = session;
  const [row] = await tx.query<{ expires_at: Date }>(
    `insert into ops_sessions (session_id, key_id, environment_key_hash, code_hash, code_expires_at, secret_hash, expires_at)
     values ($1, $2, $3, $4::bytea, case when $4::bytea is not null then clock_timestamp() + make_interval(secs => $5) end, $6,
       clock_timestamp() + make_interval(days => $7::integer))
     returning coalesce(code_expires_at, expires_at) as expires_at`,
    [
      session.sessionId,
      'keyId' in owner ? owner.keyId : null,
      'keyId' in owner ? null : owner.environmentKeyHash,
      session.codeHash,
      session.codeSeconds,
      session.secretHash,
      session.days,
    ],
  );
  if (!row) throw new Error('an insert returned no row');
  return row;
}

/** The session of this name, with its key, unless one of them is over. */
export async function selectSession(db: Db, sessionId: string): Promise<SessionRow | null> {
  const [row] = await db.query<SessionRow>(
    `select s.session_id, s.key_id, s.environment_key_hash, s.code_hash, s.secret_hash,
       least(s.expires_at, k.expires_at) as expires_at,
       k.name, k.scopes, k.agent_id, k.kinds
     from ops_sessions s left join ops_api_keys k on k.key_id = s.key_id
     where s.session_id = $1 and coalesce(s.code_expires_at, s.expires_at) > clock_timestamp()
       and (s.key_id is null
         or (k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp())))`,
    [sessionId],
    'opsloop_session',
  );
  return row ?? null;
}

/** Puts the secret in the place of the code; null when the code is used up or too old. */
export async function useCode(
  tx: Db,
  sessionId: string,
  codeHash: Buffer,
  secretHash: Buffer,
): Promise<{ expires_at: Date } | null> {
  const [row] = await tx.query<{ expires_at: Date }>(
    `update ops_sessions set code_hash = null, code_expires_at = null, secret_hash = $3
     where session_id = $1 and code_hash = $2 and code_expires_at > clock_timestamp()
     returning expires_at`,
    [sessionId, codeHash, secretHash],
  );
  return row ?? null;
}

/** Ends the oldest sessions of a key that has more than so many. */
export async function deleteSurplusSessions(tx: Db, keyId: string, most: number): Promise<void> {
  await tx.query(
    `delete from ops_sessions where session_id in (
       select session_id from ops_sessions where key_id = $1 order by created_at desc, session_id offset $2)`,
    [keyId, most],
  );
}

/** @returns whether it was there */
export async function deleteSession(tx: Db, sessionId: string): Promise<boolean> {
  return (
    (await tx.query('delete from ops_sessions where session_id = $1 returning 1 as one', [sessionId]))
      .length > 0
  );
}

/** Forgets sessions that are over, and codes that nobody used, so many at most. @returns how many */
export async function deleteOldSessions(db: Db): Promise<number> {
  const rows = await db.query(
    `delete from ops_sessions where session_id in (
       select session_id from ops_sessions
       where expires_at < clock_timestamp() or code_expires_at < clock_timestamp() limit 10000)
     returning 1 as one`,
  );
  return rows.length;
}
