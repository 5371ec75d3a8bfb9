import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { isMissing, syncDirectory } from '../../lib/files.ts';
import type { LogKey, Verifier } from './key.ts';

/** The end of the chain at a time. Its hash covers every event up to `seq`. */
export type Head = { seq: number; hash: string };

const SignedHead = z.strictObject({
  seq: z.int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.string(),
  /** Which log: the first batch's hash, shortened. */
  installation: z.string(),
  key: z.string(),
  signature: z.string(),
});
/** A head as this home saw it, kept where whoever writes to the database cannot change it. */
export type SignedHead = z.infer<typeof SignedHead>;

export function headsFile(home: string): string {
  return join(home, 'log-heads.jsonl');
}

const factsOf = ({ seq, hash, at, installation }: Omit<SignedHead, 'key' | 'signature'>) =>
  [installation, seq, hash, at] as const;

export function signHead(key: LogKey, head: Head, installation: string): SignedHead {
  const facts = { ...head, at: new Date().toISOString(), installation };
  return { ...facts, key: key.id, signature: key.sign('head', factsOf(facts)) };
}

export function isSignedBy(verifier: Verifier, head: SignedHead): boolean {
  return verifier.isSigned('head', factsOf(head), head.signature);
}

function parseLine(line: string): SignedHead | null {
  try {
    return SignedHead.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** One line, on the disk when this returns. What a crash left unfinished before it stays a line of its own. */
export async function appendHead(home: string, head: SignedHead): Promise<void> {
  const path = headsFile(home);
  const noFollow = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW;
  const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | noFollow, 0o600);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: Math.max(0, size - 1) });
    const isWhole = size === 0 || buffer.toString() === '\n';
    const bytes = Buffer.from(`${isWhole ? '' : '\n'}${JSON.stringify(head)}\n`);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw new Error(`${path} took only a part of a line; is the disk full?`);
    await file.sync();
    if (size === 0) await syncDirectory(dirname(path));
  } finally {
    await file.close();
  }
}

const TAIL_BYTES = 8_192;

/** The last whole line; null when there is none. */
export async function readLastHead(home: string): Promise<SignedHead | null> {
  let file: FileHandle;
  try {
    file = await open(headsFile(home), 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const position = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(TAIL_BYTES), position });
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    return lines.map(parseLine).findLast((head) => head !== null) ?? null;
  } finally {
    await file.close();
  }
}

/** Every line of the file; null for one that is no head. */
export async function* readHeads(home: string): AsyncGenerator<{ line: number; head: SignedHead | null }> {
  const file = await open(headsFile(home), 'r').catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null) return;
  let line = 0;
  for await (const text of createInterface({ input: file.createReadStream(), crlfDelay: Infinity })) {
    line++;
    if (text.trim() !== '') yield { line, head: parseLine(text) };
  }
}
