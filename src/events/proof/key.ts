import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { link, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeHome } from '../../db/local/lock.ts';
import { AppError } from '../../errors.ts';
import { codeOf, isMissing, readIfThere, syncDirectory } from '../../lib/files.ts';

/** What is signed says what it is, so that no signature of one sort passes for another. */
type Statement = 'head' | 'pruning';

/** Knows the signatures of one home. */
export type Verifier = {
  /** Names the key: the beginning of the digest of its public half. */
  id: string;
  isSigned(as: Statement, facts: readonly unknown[], signature: string): boolean;
};

/** The Ed25519 key of a home. It never enters the database: whoever can write there cannot sign. */
export type LogKey = Verifier & {
  publicPem: string;
  sign(as: Statement, facts: readonly unknown[]): string;
};

/** A key that cannot sign, and its text. */
export type PublicKey = Verifier & { publicPem: string };

export function logKeyFile(home: string): string {
  return join(home, 'log-key.pem');
}

/** The key of the home, if it has one. @throws AppError config_invalid */
export async function readLogKey(home: string): Promise<LogKey | null> {
  const file = logKeyFile(home);
  const pem = await readIfThere(file).catch((cause: unknown) => {
    throw notUsable(`${file} cannot be read (${codeOf(cause) ?? String(cause)})`, cause);
  });
  return pem === null ? null : parseLogKey(file, pem);
}

/** The key of the home, made now where there is none. Of several processes that make one, the first has made it. */
export async function ensureLogKey(home: string): Promise<LogKey> {
  const kept = await readLogKey(home);
  if (kept !== null) return kept;
  await makeHome(home);
  const file = logKeyFile(home);
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeSecret(temporary, pem);
    await link(temporary, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    await syncDirectory(dirname(file));
  } finally {
    await rm(temporary, { force: true });
  }
  const made = await readLogKey(home);
  if (made === null) throw notUsable(`${file} was made and is gone`);
  return made;
}

async function writeSecret(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseLogKey(file: string, pem: string): LogKey {
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${privateKey.asymmetricKeyType}`);
    const publicKey = createPublicKey(privateKey);
    return {
      ...verifierOf(publicKey),
      publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      sign: (as, facts) => sign(null, toBytes(as, facts), privateKey).toString('base64'),
    };
  } catch (cause) {
    throw notUsable(`${file} is no Ed25519 key in PEM (${String(cause)})`, cause);
  }
}

/** Public keys of the homes that this one's log was in before: a restore puts them there. */
export function trustedFolder(home: string): string {
  return join(home, 'log-keys');
}

/** Those keys; what is no key is passed over, so that its signatures count as unchecked. */
export async function readTrusted(home: string): Promise<PublicKey[]> {
  const folder = trustedFolder(home);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const pems = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  return pems.flatMap((pem) => {
    const publicKey = parsePublic(pem);
    return publicKey === null || pem === null ? [] : [{ ...verifierOf(publicKey), publicPem: pem }];
  });
}

/** The public key of another home. @throws AppError usage */
export async function readVerifier(path: string): Promise<Verifier> {
  const publicKey = parsePublic(await readIfThere(path));
  if (publicKey !== null) return verifierOf(publicKey);
  throw new AppError('usage', `${path} is no public key; give a file that \`opsloop events key\` wrote.`);
}

function parsePublic(pem: string | null): KeyObject | null {
  try {
    const publicKey = createPublicKey(pem ?? '');
    return publicKey.asymmetricKeyType === 'ed25519' ? publicKey : null;
  } catch {
    return null;
  }
}

function verifierOf(publicKey: KeyObject): Verifier {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    id: createHash('sha256').update(spki).digest('hex').slice(0, 16),
    isSigned: (as, facts, signature) =>
      verify(null, toBytes(as, facts), publicKey, Buffer.from(signature, 'base64')),
  };
}

function toBytes(as: Statement, facts: readonly unknown[]): Buffer {
  return Buffer.from(`opsloop ${as} 1\n${JSON.stringify(facts)}`);
}

function notUsable(found: string, cause?: unknown): AppError {
  const todo =
    'Run this as the owner of the home, put the key back, or move it aside: then a new one is made.';
  return new AppError('config_invalid', `${found}. ${todo}`, { cause });
}
