/**
 * The file: a line that says what it is, one gzip stream of all parts one after the other, the manifest that says where
 * each begins, and a line with the SHA-256 of all before it. What was cut off has no such line.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError, toError } from '../errors.ts';
import { codeOf } from '../lib/files.ts';
import { FORMAT, Manifest, problemOfFiles } from './manifest.ts';

const TITLE = 'opsloop backup ';
const FIRST_LINE = `${TITLE}${FORMAT}\n`;
const END = 'opsloop-backup-end ';
const LENGTH_DIGITS = 10;
const HASH_DIGITS = 64;
const END_BYTES = END.length + LENGTH_DIGITS + 1 + HASH_DIGITS + 1;
/** The cheapest for the processor, which a working server needs more than the disk does. */
const LEVEL = 1;
const CHUNK = 1_048_576;
const LONGEST_MANIFEST = 2 ** 26;

/**
 * Writes the parts as they come, then what is known of them, and does not return before all is on the disk.
 * @param onBytes told of every write with the size of the file so far; what it throws ends the writing
 */
export async function writeArchive(
  file: FileHandle,
  content: AsyncIterable<Buffer>,
  manifest: () => Manifest,
  onBytes: (size: number) => Promise<void> | void,
): Promise<number> {
  const hash = createHash('sha256');
  let size = 0;
  const write = async (bytes: Buffer) => {
    hash.update(bytes);
    await file.writeFile(bytes);
    size += bytes.length;
    await onBytes(size);
  };
  await write(Buffer.from(FIRST_LINE));
  const gzip = createGzip({ level: LEVEL, chunkSize: 256 * 1024 });
  let failed: unknown;
  const pack = pipeline(Readable.from(content), gzip, async (packed: AsyncIterable<Buffer>) => {
    for await (const bytes of packed)
      await write(bytes).catch((error: unknown) => {
        failed = error;
        throw error;
      });
  });
  // The pipeline may tell that it was ended instead of why.
  await pack.catch((error: unknown) => {
    throw failed ?? error;
  });
  const text = Buffer.from(`${JSON.stringify(manifest())}\n`);
  await write(text);
  await write(Buffer.from(`${END}${String(text.length).padStart(LENGTH_DIGITS, '0')} `));
  const line = Buffer.from(`${hash.digest('hex')}\n`);
  await file.writeFile(line);
  await file.sync();
  return size + line.length;
}

export type Archive = {
  manifest: Manifest;
  /** Size of the file in bytes. */
  size: number;
  /** The next part, which must be read to its end before the one after it. Throws when it is not what was written. */
  next(part: { bytes: number; sha256: string }): AsyncGenerator<Buffer>;
  close(): Promise<void>;
};

/**
 * Opens a backup after holding every byte of it against its checksum.
 * @param onProgress told how much of the file was read, in bytes
 * @throws AppError backup_unusable, database_newer, not_found
 */
export async function openArchive(
  path: string,
  onProgress: (done: number, total: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Archive> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new AppError('not_found', `${path} cannot be read (${codeOf(error) ?? toError(error).message}).`);
  });
  try {
    const { manifest, from, to, size } = await readManifest(file, path, onProgress, signal);
    const packed = file.createReadStream({
      start: from,
      end: to - 1,
      autoClose: false,
      highWaterMark: CHUNK,
    });
    const unpacked = packed.pipe(createGunzip({ chunkSize: CHUNK }));
    packed.on('error', (error) => unpacked.destroy(error));
    // Whoever reads is told; without a listener an error before the first read would end the process.
    unpacked.on('error', () => undefined);
    const next = takeFrom(unpacked, path);
    return {
      manifest,
      size,
      next,
      async close() {
        packed.destroy();
        unpacked.destroy();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readManifest(
  file: FileHandle,
  path: string,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal | undefined,
) {
  const { size } = await file.stat();
  const first = (await readAt(file, 0, FIRST_LINE.length)).toString('latin1');
  if (!first.startsWith(TITLE)) throw unusable(path, 'it is no backup of opsloop');
  if (first !== FIRST_LINE) throw newerFormat(path, first);
  const end = (await readAt(file, Math.max(0, size - END_BYTES), END_BYTES)).toString('latin1');
  const [, digits = '', sum = ''] = new RegExp(`^${END}(\\d{10}) ([0-9a-f]{64})\n$`).exec(end) ?? [];
  if (sum === '') throw unusable(path, 'its end is missing: it was cut off, or damaged there');
  const to = size - END_BYTES - Number(digits);
  if (to < FIRST_LINE.length) throw unusable(path, 'its end says that it is longer than it is');
  if (Number(digits) > LONGEST_MANIFEST) throw unusable(path, 'its list of contents is too long');
  const hash = await hashUpTo(file, size - HASH_DIGITS - 1, onProgress, signal);
  if (hash.digest('hex') !== sum) throw unusable(path, 'its checksum is wrong: it was damaged');
  const text = await readAt(file, to, Number(digits));
  const parsed = Manifest.safeParse(parseList(text.toString('utf8'), path));
  // The checksum is right, so this is what some program wrote.
  if (!parsed.success) throw newerFormat(path, 'another list of contents');
  const wrong = problemOfFiles(parsed.data.files.map(({ file, bytes }) => ({ path: file, bytes })));
  if (wrong !== null) throw unusable(path, `it has ${wrong}`);
  return { manifest: parsed.data, from: FIRST_LINE.length, to, size };
}

function parseList(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable(path, 'its list of contents cannot be read');
  }
}

async function hashUpTo(
  file: FileHandle,
  end: number,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal | undefined,
): Promise<Hash> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(CHUNK);
  for (let at = 0; at < end; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
    onProgress(at, end);
  }
  return hash;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  return buffer.subarray(0, bytesRead);
}

/** Gives out a stream in pieces of known length. */
function takeFrom(stream: AsyncIterable<Buffer>, path: string): Archive['next'] {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return async function* ({ bytes, sha256 }) {
    const hash = createHash('sha256');
    for (let left = bytes; left > 0; ) {
      if (rest.length === 0) {
        const { value, done } = await chunks.next().catch((error: unknown) => {
          throw unusable(path, `it cannot be unpacked (${codeOf(error) ?? toError(error).message})`);
        });
        if (done) throw unusable(path, 'it holds less than it says');
        rest = value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      hash.update(piece);
      yield piece;
    }
    if (hash.digest('hex') !== sha256) throw unusable(path, 'a part of it is not what was written');
  };
}

function unusable(path: string, why: string): AppError {
  return new AppError(
    'backup_unusable',
    `${path} cannot be used: ${why}. Take another backup; nothing was changed.`,
  );
}

function newerFormat(path: string, found: string): AppError {
  return new AppError(
    'database_newer',
    `${path} has another format (${JSON.stringify(found.trim())}, this program reads format ${FORMAT}). Install the newer opsloop; nothing was changed.`,
  );
}
