import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isMissing } from '../../lib/files.ts';

/**
 * Appends to a file that another user owns. We may be root: a link planted there must not lead our write
 * to a file that is not that user's.
 */
export async function appendAsOwner(path: string, text: string, uid: number | null): Promise<void> {
  const noFollow = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW;
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND | noFollow);
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.nlink > 1 || (uid !== null && stat.uid !== uid)) {
      throw new Error(`${path} is not a plain file of the user that PostgreSQL runs as`);
    }
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function tailOf(path: string, from: number, limit = 4_000): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const start = Math.max(size < from ? 0 : from, size - limit);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(limit), position: start });
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
