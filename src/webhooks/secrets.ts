import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { isMissing, writeDurably } from '../lib/files.ts';
import { readSecretFile } from '../lib/secret-file.ts';
import { secretsIn, type WebhookRow } from './schema.ts';

/**
 * Secrets by name, outside the database: `OPSLOOP_SECRET_<NAME>` of the environment, else the file `secrets/<name>` of
 * the home, which only its owner can read. They are read at each use, so that they can be changed while we run.
 */
export type Secrets = {
  /** @throws Error that says which one is missing and how to set it, without a part of it */
  get(name: string): Promise<string>;
  has(name: string): Promise<boolean>;
  /** The hosts (or host:port) that it may be sent to, as the machine's configuration says; null: any. */
  hostsOf(name: string): readonly string[] | null;
  list(): Promise<string[]>;
  set(name: string, text: string): Promise<void>;
  /** @returns whether it was there */
  remove(name: string): Promise<boolean>;
};

/** The name of the secret with which the calls of a webhook are signed. */
export function signingSecretOf(webhook: string): string {
  return `webhook-${webhook}`;
}

/** The names of the secrets without which a machine sends no call of a webhook. */
export function secretsOf(webhook: Pick<WebhookRow, 'name' | 'url' | 'options' | 'template'>): string[] {
  return [...secretsIn(webhook), ...(webhook.template === 'json' ? [signingSecretOf(webhook.name)] : [])];
}

const LONGEST = 8_000;

/** @param bound the hosts of those that are bound to some, by name */
export function makeSecrets(
  home: string,
  environment: (name: string) => string | undefined,
  bound: Readonly<Record<string, readonly string[]>> = {},
): Secrets {
  const folder = join(home, 'secrets');
  const variable = (name: string) => `OPSLOOP_SECRET_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
  const read = async (name: string) => {
    const given = environment(variable(name));
    return given ? { text: given } : readSecretFile(join(folder, name));
  };

  return {
    async get(name) {
      const found = await read(name);
      if ('text' in found && found.text !== '') return found.text;
      const problem = 'problem' in found ? found.problem : 'it is empty';
      throw new Error(`the secret ${name} is not usable here (${problem}); run: opsloop secrets set ${name}`);
    },
    async has(name) {
      return 'text' in (await read(name));
    },
    hostsOf: (name) => (Object.hasOwn(bound, name) ? (bound[name] ?? null) : null),
    async list() {
      return (await readdir(folder).catch(unlessMissing)).filter((name) => !name.endsWith('.tmp')).sort();
    },
    async set(name, text) {
      const value = text.trim();
      if (value === '' || value.length > LONGEST || /[^\x21-\x7e\n]/.test(value))
        throw new AppError(
          'usage',
          'A secret is 1 to 8,000 visible ASCII characters, on one or several lines.',
        );
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeDurably(join(folder, name), `${value}\n`, 0o600);
    },
    async remove(name) {
      try {
        await rm(join(folder, name));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
  };
}

function unlessMissing(error: unknown): string[] {
  if (isMissing(error)) return [];
  throw error;
}
