import { createHmac, randomBytes } from 'node:crypto';

/** Signs as https://www.standardwebhooks.com says, so that receivers need no code of ours. */

const PREFIX = 'whsec_';

/** A new secret in the form that its libraries take. */
export function makeSigningSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * The headers of a call.
 * @param secrets the receiver accepts any of them, so that a secret can be changed without a gap: the new one first
 */
export function signedHeaders(
  id: string,
  at: Date,
  body: string,
  secrets: readonly string[],
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length > 0 ? { 'webhook-signature': signatures.join(' ') } : {}),
  };
}
