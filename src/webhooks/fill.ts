import { fillSecrets, secretsIn, type WebhookRow } from './schema.ts';
import { type Secrets, signingSecretOf } from './secrets.ts';

/** What a call is made of and no row holds. */
export type Filled = {
  url: URL;
  options: WebhookRow['options'];
  signedWith: string[];
  /** What must not be repeated by a message. */
  secrets: string[];
};

/** Fills in the secrets of a webhook. @throws Error that holds no part of one */
export async function fillWebhook(secrets: Secrets, webhook: WebhookRow): Promise<Filled> {
  const { name, url, options, template } = webhook;
  const values = new Map(
    await Promise.all(secretsIn(webhook).map(async (each) => [each, await secrets.get(each)] as const)),
  );
  const fill = (text: string) => fillSecrets(text, (each) => values.get(each) ?? '');
  const address = fill(url);
  // The address itself is not repeated: it can hold a secret.
  if (!URL.canParse(address)) throw new Error('its address, with its secrets filled in, is none');

  const goal = new URL(address);
  for (const each of values.keys()) requireBoundHost(secrets, each, goal);

  const signing = signingSecretOf(name);
  // A receiver that is a program gets no call that it cannot verify.
  const signs = template === 'json' || (await secrets.has(signing));
  return {
    url: goal,
    options: Object.fromEntries(
      Object.entries(options).map(([key, value]) => [key, typeof value === 'string' ? fill(value) : value]),
    ),
    signedWith: signs ? (await secrets.get(signing)).split('\n') : [],
    secrets: [...values.values()],
  };
}

/** A key of the API can make a webhook of any address; where a secret may go is for this machine to say. */
function requireBoundHost(secrets: Secrets, name: string, { host, hostname }: URL): void {
  const hosts = secrets.hostsOf(name);
  if (hosts === null || hosts.includes(host) || hosts.includes(hostname)) return;
  throw new Error(
    `the secret ${name} is bound to ${hosts.join(', ')}, and is sent nowhere else; see webhooks.secrets in config.json`,
  );
}
