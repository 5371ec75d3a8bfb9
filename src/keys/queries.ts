import type { Db } from '../db/database.ts';
import type { KeyRow } from './schema.ts';

const SHOWN =
  'key_id, name, scopes, agent_id, kinds, created_at, created_by, expires_at, revoked_at, last_used_at';

/** Its end is of whole milliseconds, which the event of its making can tell. */
export async function insertKey(
  tx: Db,
  key: Pick<KeyRow, 'key_id' | 'name' | 'scopes' | 'agent_id' | 'kinds' | 'created_by'> & {
    secretHash: Buffer;
    expiresInDays: number | null;
  },
): Promise<KeyRow> {
  const [row] = await tx.query<KeyRow>(
    `insert into ops_api_keys (key_id, secret_hash, name, scopes, agent_id, kinds, created_by, expires_at)
     values ($1, $2, $3, $4::text[], $5, $6::text[], $7,
       date_trunc('milliseconds', now() + make_interval(days => $8::integer)))
     returning ${SHOWN}`,
    [
      key.key_id,
      key.secretHash,
      key.name,
      key.scopes,
      key.agent_id,
      key.kinds,
      key.created_by,
      key.expiresInDays,
    ],
  );
  if (!row) throw new Error('an insert returned no row');
  return row;
}

export function selectKeys(db: Db): Promise<KeyRow[]> {
  return db.query<KeyRow>(`select ${SHOWN} from ops_api_keys order by created_at desc, key_id`);
}

/** A key that is neither revoked nor expired, with its digest. */
export async function selectUsableKey(
  db: Db,
  keyId: string,
): Promise<(KeyRow & { secret_hash: Buffer }) | null> {
  const [row] = await db.query<KeyRow & { secret_hash: Buffer }>(
    `select ${SHOWN}, secret_hash from ops_api_keys
     where key_id = $1 and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`,
    [keyId],
    'opsloop_key',
  );
  return row ?? null;
}

export async function revokeKeyRow(tx: Db, keyId: string): Promise<KeyRow | null> {
  const [row] = await tx.query<KeyRow>(
    `update ops_api_keys set revoked_at = now() where key_id = $1 and revoked_at is null returning ${SHOWN}`,
    [keyId],
  );
  return row ?? null;
}

/** At most once a minute per key: a time for people, not worth a write per request. */
export async function touchKey(db: Db, keyId: string): Promise<void> {
  await db.query(
    `update ops_api_keys set last_used_at = now()
     where key_id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [keyId],
  );
}
