import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '../lib/files.ts';

/**
 * Says whose a backup is, also one that is being made. Stays with the home, also on a machine that gets another name; a
 * restored copy has another one.
 */
export async function readMark(home: string): Promise<string | null> {
  const mark = (await readIfThere(markFile(home)))?.trim() ?? '';
  return /^[0-9a-f]{12}$/.test(mark) ? mark : null;
}

/** The same, made when the home has none yet. */
export async function markOf(home: string): Promise<string> {
  const found = await readMark(home);
  if (found !== null) return found;
  const mark = randomBytes(6).toString('hex');
  await writeDurably(markFile(home), `${mark}\n`, 0o600);
  return mark;
}

function markFile(home: string): string {
  return join(home, 'backup-mark');
}
