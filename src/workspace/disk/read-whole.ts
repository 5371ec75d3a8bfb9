import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf } from '../../lib/files.ts';

/** Most bytes of a task file, and of an output that is shown. */
export const MOST_BYTES = 1_048_576;

/** What tells one state of a file from another without reading it. */
export type Signature = { inode: string; size: number; mtimeNs: bigint; ctimeNs: bigint };

export type Read =
  | { ok: true; text: string; bytes: Buffer; signature: Signature }
  /** `vanished`: it is not there any more. `refused`: it is no plain file, or may not be read. */
  | { ok: false; why: 'vanished' | 'refused' | 'changing'; problem: string }
  /** Its content cannot be taken. */
  | { ok: false; why: 'unusable'; problem: string; signature: Signature };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Reads a file without being led anywhere or held up: no links are followed, FIFOs and devices do not block,
 * and what was opened is looked at once more. Never throws for what somebody put there.
 * @param anyLinks also a file with several names
 * @param lenient shows bytes that are not UTF-8 as U+FFFD
 */
export async function readWhole(
  path: string,
  { mostBytes = MOST_BYTES, anyLinks = false, lenient = false } = {},
): Promise<Read> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return { ok: false, why: 'vanished', problem: 'it is not there' };
    if (code === 'ELOOP' || code === 'EMLINK') return refused('it is a symbolic link');
    if (code === 'EACCES' || code === 'EPERM') return refused('it may not be read');
    if (code === 'ENXIO' || code === 'ENODEV' || code === 'EOPNOTSUPP') return refused('it is no plain file');
    throw error;
  }
  try {
    const before = toSignature(await file.stat({ bigint: true }), anyLinks);
    if (typeof before === 'string') return refused(before);
    if (before.size > mostBytes)
      return unusable(`it has ${before.size} bytes; ${mostBytes} are allowed`, before);
    // One byte more, so that a file that grows is noticed.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(before.size + 1), 0, before.size + 1, 0);
    const after = toSignature(await file.stat({ bigint: true }), anyLinks);
    if (typeof after === 'string' || !isSame(before, after) || bytesRead !== before.size)
      return { ok: false, why: 'changing', problem: 'it is being written' };
    return decode(buffer.subarray(0, bytesRead), before, lenient);
  } finally {
    await file.close();
  }
}

export function isSame(a: Signature, b: Signature): boolean {
  return a.inode === b.inode && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

type Stats = {
  isFile(): boolean;
  ino: bigint;
  nlink: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
};

/** The signature of a plain file that has one name, or why it is none. */
export function toSignature(found: Stats, anyLinks = false): Signature | string {
  if (!found.isFile()) return 'it is no plain file';
  if (found.nlink !== 1n && !anyLinks) return `it has ${found.nlink} names (hard links)`;
  return {
    inode: String(found.ino),
    size: Number(found.size),
    mtimeNs: found.mtimeNs,
    ctimeNs: found.ctimeNs,
  };
}

function decode(bytes: Buffer, signature: Signature, lenient: boolean): Read {
  if (lenient) return { ok: true, text: bytes.toString('utf8'), bytes, signature };
  try {
    const text = utf8.decode(bytes);
    if (text.includes('\0')) return unusable('it contains the character NUL', signature);
    return { ok: true, text, bytes, signature };
  } catch {
    return unusable('it is not UTF-8', signature);
  }
}

function unusable(problem: string, signature: Signature): Read {
  return { ok: false, why: 'unusable', problem, signature };
}

function refused(problem: string): Read {
  return { ok: false, why: 'refused', problem };
}
