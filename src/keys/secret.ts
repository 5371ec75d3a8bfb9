import { createHash, randomBytes } from 'node:crypto';

/** What a text that opens something is: an API key, a browser's code for one use, its session, or a link that decides. */
export type SecretKind = 'ops' | 'opc' | 'ops-session' | 'opd';

const FORM = /^(ops|opc|ops-session|opd)_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$/;
const ID_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

/** `<kind>_<8 characters of id>_<43 characters: 256 random bits>` */
export function makeSecret(kind: SecretKind, id = randomId()): { id: string; text: string } {
  return { id, text: `${kind}_${id}_${randomBytes(32).toString('base64url')}` };
}

/** The kind and the id that a text names; null when it is of no such form. */
export function readSecret(text: string): { kind: SecretKind; id: string } | null {
  const [, kind, id] = FORM.exec(text) ?? [];
  return kind === undefined || id === undefined ? null : { kind: kind as SecretKind, id };
}

/** What the database keeps of it. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function randomId(): string {
  return Array.from(randomBytes(8), (byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('');
}
