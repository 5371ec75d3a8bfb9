import { timingSafeEqual } from 'node:crypto';
import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { appendEvents } from '../events/events.ts';
import { digest, makeSecret, readSecret } from './secret.ts';
import { ENVIRONMENT_CALLER, ENVIRONMENT_KEY } from './environment-key.ts';
import type { Caller } from './schema.ts';
import {
  deleteOldSessions,
  deleteSession,
  deleteSurplusSessions,
  insertSession,
  type Owner,
  selectSession,
  type SessionRow,
  useCode,
} from './session-queries.ts';

/**
 * A browser does not get a key: it gets a session that stands for one, ends with it, and can be ended alone. The
 * first step is a code for one use that may stand in an address, since it is worth nothing a minute later.
 */
export const CODE_SECONDS = 60;
export const SESSION_DAYS = 7;
/** Of one key; the next one ends the oldest. */
const MOST_SESSIONS = 20;

export type Sessions = {
  /** Makes a code with which a browser signs in for this caller. @throws AppError forbidden for a session */
  makeCode(caller: Caller): Promise<{ code: string; expiresAt: Date }>;
  /**
   * Opens a session by a code, which is used up by it, or by a key.
   * @param given the text that the caller was found by
   * @throws AppError unauthorized when the code was used in the meantime, forbidden for a session
   */
  open(given: string, caller: Caller): Promise<{ token: string; expiresAt: Date }>;
  /** Ends the caller's session. @throws AppError conflict when it is a key */
  close(caller: Caller): Promise<void>;
};

/** @param configured the key of the environment */
export function makeSessions(database: Database, configured?: string): Sessions {
  const ownerOf = ({ keyId }: Caller): Owner =>
    keyId === ENVIRONMENT_KEY ? { environmentKeyHash: digest(configured ?? '') } : { keyId };

  return {
    async makeCode(caller) {
      if (caller.session) throw lastsOnlyOnce();
      const { id, text } = makeSecret('opc');
      await deleteSurplusSessions(database, caller.keyId, MOST_SESSIONS);
      const { expires_at } = await insertSession(database, {
        sessionId: id,
        owner: ownerOf(caller),
        codeHash: digest(text),
        secretHash: null,
        codeSeconds: CODE_SECONDS,
        days: SESSION_DAYS,
      });
      return { code: text, expiresAt: expires_at };
    },
    async open(given, caller) {
      const isCode = readSecret(given)?.kind === 'opc';
      if (caller.session && !isCode) throw lastsOnlyOnce();
      const { id, text } = makeSecret('ops-session', caller.session?.id);
      const opened = await database.transaction(async (tx) => {
        const row = isCode
          ? await useCode(tx, id, digest(given), digest(text))
          : await insertSession(tx, {
              sessionId: id,
              owner: ownerOf(caller),
              codeHash: null,
              secretHash: digest(text),
              codeSeconds: 0,
              days: SESSION_DAYS,
            });
        if (!row)
          throw new AppError('unauthorized', 'This code has been used. `opsloop open` makes another one.');
        await deleteSurplusSessions(tx, caller.keyId, MOST_SESSIONS);
        await tell(tx, 'key.signed_in', caller, { set: { session_id: id, until: row.expires_at } });
        return row;
      });
      database.hints.tell('events');
      return { token: text, expiresAt: opened.expires_at };
    },
    async close(caller) {
      const { session } = caller;
      if (!session)
        throw new AppError('conflict', 'This is a key and no session; `opsloop keys revoke` ends a key.');
      await database.transaction(async (tx) => {
        if (await deleteSession(tx, session.id))
          await tell(tx, 'key.signed_out', caller, { set: { session_id: session.id } });
      });
      database.hints.tell('events');
    },
  };
}

/** Who a code or a session's token belongs to. */
export async function findBySession(
  db: Db,
  given: string,
  { id, isCode }: { id: string; isCode: boolean },
  configuredDigest: Buffer | null,
): Promise<Caller | null> {
  const row = await selectSession(db, id);
  const kept = (isCode ? row?.code_hash : row?.secret_hash) ?? Buffer.alloc(32);
  // Compared also when there is no such session, so that both cases take the same time.
  const matches = timingSafeEqual(digest(given), kept);
  if (!row || !matches) return null;
  const caller = ownerCaller(row, configuredDigest);
  return caller && { ...caller, session: { id, expiresAt: row.expires_at } };
}

/** Forgets what is over. @returns how many */
export function forgetOldSessions(db: Db): Promise<number> {
  return deleteOldSessions(db);
}

function ownerCaller(row: SessionRow, configuredDigest: Buffer | null): Caller | null {
  if (row.key_id !== null)
    return {
      by: `key:${row.key_id}`,
      keyId: row.key_id,
      name: row.name ?? '',
      agentId: row.agent_id,
      scopes: row.scopes ?? [],
      kinds: row.kinds,
    };
  const hash = row.environment_key_hash;
  return hash && configuredDigest && timingSafeEqual(hash, configuredDigest) ? ENVIRONMENT_CALLER : null;
}

/** A session does not prolong itself: whoever signs in anew shows a key or a code again. */
function lastsOnlyOnce(): AppError {
  return new AppError(
    'forbidden',
    'A session opens no other session; a key does: sign in with one, or with `opsloop open`.',
  );
}

function tell(tx: Db, kind: string, { by, keyId }: Caller, payload: Record<string, unknown>): Promise<void> {
  return appendEvents(tx, {
    kind,
    source: 'keys',
    entity: 'key',
    entityId: keyId,
    payload: { ...payload, cause: { by } },
  });
}
