import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { headsFile, readHeads } from '../events/proof/heads.ts';
import { readLogKey, readTrusted, trustedFolder } from '../events/proof/key.ts';
import type { ChainEnd } from '../events/proof/sign.ts';
import { AppError } from '../errors.ts';
import { isMissing, readIfThere, writeDurably } from '../lib/files.ts';
import { readSecretFile } from '../lib/secret-file.ts';
import { mayGoIntoHome, problemOfFiles } from './manifest.ts';

/** All of them are for their owner alone. */
export type HomeFile = { path: string; bytes: Buffer };

/** What does not open anything. The public halves of the keys are what old signatures are checked with. */
const PLAIN = ['config.json'];
/** What does: only on demand, because backups are carried to places that keys should not see. */
const SECRET = ['operator.key', 'log-key.pem', '.env'];
const SECRETS_FOLDER = 'secrets';
const HEADS = 'log-heads.jsonl';

/**
 * The files of the home that go into a backup.
 * @returns also what lies among the secrets and is none, and why
 * @throws AppError config_invalid when one is too large to go along
 */
export async function readHomeFiles(
  home: string,
  log: ChainEnd | null,
  withSecrets: boolean,
): Promise<{ files: HomeFile[]; skipped: string[] }> {
  const { usable, skipped } = withSecrets ? await listSecrets(home) : { usable: [], skipped: [] };
  const names = [...PLAIN, ...(withSecrets ? SECRET : []), ...usable];
  const read = await Promise.all(names.map((path) => readHomeFile(home, path)));
  const files = [
    { path: HEADS, bytes: Buffer.from(await headsUpTo(home, log)) },
    ...(await publicKeys(home)),
    ...read.filter((file) => file !== null),
  ];
  const wrong = problemOfFiles(files.map(({ path, bytes }) => ({ path, bytes: bytes.length })));
  if (wrong !== null) throw new AppError('config_invalid', `The home cannot be backed up: ${wrong}.`);
  return { files, skipped };
}

async function readHomeFile(home: string, path: string): Promise<HomeFile | null> {
  try {
    return { path, bytes: await readFile(join(home, path)) };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function listSecrets(home: string): Promise<{ usable: string[]; skipped: string[] }> {
  const names = await readdir(join(home, SECRETS_FOLDER)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const [usable, skipped]: [string[], string[]] = [[], []];
  for (const name of names.filter((one) => !one.endsWith('.tmp')).toSorted()) {
    const path = `${SECRETS_FOLDER}/${name}`;
    const read = await readSecretFile(join(home, path));
    if (!mayGoIntoHome(path)) skipped.push(`${path}: this is no name of a secret`);
    else if ('problem' in read) skipped.push(`${path}: ${read.problem}`);
    else usable.push(path);
  }
  return { usable, skipped };
}

/** Heads that were signed after the snapshot would stand beyond the end of its chain. */
async function headsUpTo(home: string, log: ChainEnd | null): Promise<string> {
  const text = (await readIfThere(headsFile(home))) ?? '';
  const later = new Set<number>();
  for await (const { line, head } of readHeads(home))
    if (head !== null && head.installation === log?.installation && head.seq > log.seq) later.add(line);
  return text
    .split('\n')
    .filter((line, index) => line !== '' && !later.has(index + 1))
    .map((line) => `${line}\n`)
    .join('');
}

async function publicKeys(home: string): Promise<HomeFile[]> {
  const own = await readLogKey(home);
  const all = [...(own ? [own] : []), ...(await readTrusted(home))];
  const byId = new Map(all.map(({ id, publicPem }) => [id, publicPem]));
  return [...byId].map(([id, pem]) => ({
    path: `${trustedFolder('')}/${id}.pem`,
    bytes: Buffer.from(pem),
  }));
}

/** What the log is checked with, and nothing that opens or steers anything. */
export function isEvidence({ path }: HomeFile): boolean {
  return path === HEADS || path.startsWith(`${trustedFolder('')}/`);
}

/**
 * Puts the files of a backup into a home. What is there stays, but for the signed heads: those of the home tell of a log
 * that went on after the backup, so they are moved aside.
 * @returns the files that were kept because they are there already and differ, and where the heads went; and
 * `undo`, which leaves the home as it was. It is so, too, when this throws.
 */
export async function placeHomeFiles(
  home: string,
  files: readonly HomeFile[],
): Promise<{ kept: string[]; headsMovedTo: string | null; undo(): Promise<void> }> {
  const kept: string[] = [];
  const placed: string[] = [];
  let headsMovedTo: string | null = null;
  const undo = async () => {
    for (const path of placed) await rm(path, { force: true });
    if (headsMovedTo !== null) await rename(headsMovedTo, headsFile(home));
  };
  try {
    for (const { path, bytes } of files) {
      const target = join(home, path);
      const there = (await readHomeFile(home, path))?.bytes ?? null;
      if (there?.equals(bytes)) continue;
      if (there !== null && path !== HEADS) {
        kept.push(path);
        continue;
      }
      if (there !== null) {
        const aside = `${target}.before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
        await rename(target, aside);
        headsMovedTo = aside;
      }
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      placed.push(target);
      await writeDurably(target, bytes, 0o600);
    }
  } catch (error) {
    await undo();
    throw error;
  }
  return { kept, headsMovedTo, undo };
}
