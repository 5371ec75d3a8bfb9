import { join } from 'node:path';
import type { Config } from '../config.ts';
import { readIfThere } from '../lib/files.ts';

export function operatorKeyFile(home: string): string {
  return join(home, 'operator.key');
}

/** The key that the CLI uses on this machine: from the environment, else the file of the home. */
export async function readOperatorKey(config: Config): Promise<string | undefined> {
  if (config.apiKey !== undefined) return config.apiKey;
  return (await readIfThere(operatorKeyFile(config.home)))?.trim() || undefined;
}
