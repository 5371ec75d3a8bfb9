import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { unavailable } from '../disk/folders.ts';
import { readWhole } from '../disk/read-whole.ts';

const MOST_SHOWN = 4 * 1_048_576;

/** The text of an output. @throws AppError not_found, invalid_path, too_large or workspace_unavailable */
export async function readOutput(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const read = await readWhole(path, { mostBytes: MOST_SHOWN, lenient: true }).catch((error: unknown) => {
    throw unavailable(path, error);
  });
  if (read.ok) return read.text;
  if (read.why === 'vanished') throw new AppError('not_found', 'not found', { details: { name } });
  if (read.why === 'unusable')
    throw new AppError('too_large', `${name} cannot be shown: ${read.problem}.`, { details: { name } });
  if (read.why === 'changing')
    throw new AppError('conflict', `${name} is being written; ask again.`, { retryAfter: 1 });
  throw new AppError('invalid_path', 'Invalid path', { details: { problem: `${read.problem}.` } });
}
