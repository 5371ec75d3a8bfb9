const LINK = /opd_[\w-]+/g;
/** Shorter parts of an address are words and no secrets. */
const SHORTEST = 8;
const HIDDEN = '[secret]';

/**
 * What a receiver said, without the secrets of its address and without links that decide: many repeat in their complaint
 * what they were asked for, the path of the address or the whole body.
 */
export function hideSecrets(said: string, secrets: readonly string[]): string {
  const parts = secrets
    .flatMap((secret) => [secret, ...secret.split(/[/?&=]/)])
    .filter(({ length }) => length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  return parts.reduce((text, part) => text.replaceAll(part, HIDDEN), said).replaceAll(LINK, HIDDEN);
}
