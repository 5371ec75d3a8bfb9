import { readSecretFile } from '../lib/secret-file.ts';
import type { Who } from './http-error.ts';
import { LlmError } from './llm-error.ts';

/** Where the key of a provider is, and what else goes with each request. */
type Access = {
  apiKeyEnv?: string | undefined;
  apiKeyFile?: string | undefined;
  headers?: Record<string, string> | undefined;
};

/** The headers that every request to a provider carries. */
export async function readAccess(
  provider: string,
  config: Access,
  secrets: (name: string) => string | undefined,
): Promise<{ who: Who; headers: Record<string, string> }> {
  const key = await readApiKey(provider, config, secrets);
  const headers = { ...config.headers };
  if (key !== undefined) headers['authorization'] = `Bearer ${key}`;
  return { who: { provider, key, hidden: worthHiding([key ?? '', ...Object.values(headers)]) }, headers };
}

/** Shorter values are words that stand in messages by themselves. */
export function worthHiding(values: readonly string[]): string[] {
  return values.map((value) => value.replace(/^Bearer /, '')).filter(({ length }) => length >= 8);
}

/**
 * The key of a provider, read anew each time, so that it can be changed while we run. No message here
 * holds a part of the key.
 */
async function readApiKey(
  provider: string,
  config: Access,
  secrets: (name: string) => string | undefined,
): Promise<string | undefined> {
  if (config.apiKeyFile !== undefined) {
    return usable(provider, `file ${config.apiKeyFile}`, await readKeyFile(provider, config.apiKeyFile));
  }
  if (config.apiKeyEnv === undefined) return undefined;
  const value = secrets(config.apiKeyEnv);
  if (value === undefined) throw refusal(provider, `the environment variable ${config.apiKeyEnv} is not set`);
  return usable(provider, `environment variable ${config.apiKeyEnv}`, value);
}

async function readKeyFile(provider: string, path: string): Promise<string> {
  const read = await readSecretFile(path);
  if ('problem' in read) throw refusal(provider, read.problem);
  return read.text;
}

/** A key is one visible line; anything else would break the header it is sent in. */
function usable(provider: string, source: string, value: string): string {
  const key = value.trim();
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw refusal(provider, `the ${source} does not hold a key (one line of visible ASCII characters)`);
}

function refusal(provider: string, problem: string): LlmError {
  return new LlmError('refused', `The key of ${provider} is not usable: ${problem}`, { provider });
}
