import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import { createKey, makeAuthenticate } from '../keys/keys.ts';
import { SCOPES } from '../keys/schema.ts';
import { writeDurably } from '../lib/files.ts';
import { operatorKeyFile, readOperatorKey } from './operator-key.ts';

/** The first start makes an operator's key and keeps it in a file that only its owner can read. It is never logged. */
export async function ensureOperatorKey(
  config: Config,
  database: Database,
): Promise<{ file: string | null }> {
  if (config.apiKey !== undefined) return { file: null };
  const file = operatorKeyFile(config.home);
  const kept = await readOperatorKey(config);
  if (kept !== undefined && (await makeAuthenticate(database)(kept))) return { file };
  const { key } = await createKey(database, { name: 'operator', scopes: [...SCOPES] }, 'setup');
  await writeDurably(file, `${key}\n`, 0o600);
  return { file };
}
