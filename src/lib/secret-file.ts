import { open } from 'node:fs/promises';
import { codeOf } from './files.ts';

const LARGEST_FILE = 16 * 1024;

/** The text of a file that nobody but its owner can read, or why it is not usable, without a part of it. */
export async function readSecretFile(path: string): Promise<{ text: string } | { problem: string }> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    // Windows has no such bits.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return { problem: `others can read ${path}; run: chmod 600 ${path}` };
    if (size > LARGEST_FILE) return { problem: `${path} is too large for a key` };
    return { text: (await file.readFile('utf8')).trim() };
  } catch (error) {
    return { problem: `${path} cannot be read (${codeOf(error) ?? 'unknown'})` };
  }
}
