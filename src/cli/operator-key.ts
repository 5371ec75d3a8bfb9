import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import { createKey, makeAuthenticate } from '../keys/keys.ts';
import { SCOPES } from '../keys/schema.ts';
import { readIfThere, writeDurably } from '../lib/files.ts';

export function operatorKeyFile(home: string): string {
  return join(home, 'operator.key');
}

/** The key that the CLI uses on this machine: from the environment, else the file of the home. */
export async function readOperatorKey(config: Config): Promise<string | undefined> {
  if (config.apiKey !== undefined) return config.apiKey;
  return (await readIfThere(operatorKeyFile(config.home)))?.trim() || undefined;
}

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
