import type { Database } from '../db/database.ts';
import type { Caller } from '../keys/schema.ts';
import { lockWebhook } from './queries.ts';
import type { WebhookInput, WebhookRow } from './schema.ts';
import { type Secrets, signingSecretOf } from './secrets.ts';
import { makeSigningSecret } from './sign.ts';
import { getWebhook, putWebhook } from './webhooks.ts';

/**
 * Makes or changes a webhook. One whose receiver is a program gets a secret to sign with, unless this machine has one.
 * @returns `signing_secret`: the new secret, which is nowhere else but in the home
 */
export async function storeWebhook(
  { database, secrets }: { database: Database; secrets: Secrets },
  input: WebhookInput,
  caller: Caller,
): Promise<{ webhook: WebhookRow; changed: boolean; signing_secret: string | null }> {
  const stored = await database.transaction((tx) => putWebhook(tx, input, caller));
  const signing_secret = await ensureSigningSecret({ database, secrets }, input);
  if (stored) {
    database.hints.tell('webhooks');
    database.hints.tell('events');
  }
  return {
    webhook: stored ?? (await getWebhook(database, input.name)),
    changed: stored !== null,
    signing_secret,
  };
}

/** @returns the secret when it was made now; null also when the webhook was removed meanwhile */
export async function ensureSigningSecret(
  { database, secrets }: { database: Database; secrets: Secrets },
  { name, template }: Pick<WebhookInput, 'name' | 'template'>,
): Promise<string | null> {
  if (template !== 'json' || (await secrets.has(signingSecretOf(name)))) return null;
  const secret = makeSigningSecret();
  return database.transaction(async (tx) => {
    // Of several at once one makes it.
    if ((await lockWebhook(tx, name)) === null || (await secrets.has(signingSecretOf(name)))) return null;
    await secrets.set(signingSecretOf(name), secret);
    return secret;
  });
}
