import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { isThere } from '../../lib/files.ts';
import { type Folders, inRealFolder, unavailable } from '../disk/folders.ts';
import { readWhole } from '../disk/read-whole.ts';

const MOST_SHOWN = 4 * 1_048_576;

/** The text of an output. @throws AppError not_found, invalid_path, too_large or workspace_unavailable */
export async function readOutput(folders: Folders, name: string): Promise<string> {
  // A folder that is missing has no such file; one that became a link shows nothing.
  if (!(await isThere(folders.path('outputs')))) throw notFound(name);
  const read = await inRealFolder(folders, 'outputs', (outputs) =>
    readWhole(join(outputs, name), { mostBytes: MOST_SHOWN, lenient: true }),
  ).catch((error: unknown) => {
    throw unavailable(folders.path('outputs', name), error);
  });
  if (read.ok) return read.text;
  if (read.why === 'vanished') throw notFound(name);
  if (read.why === 'unusable')
    throw new AppError('too_large', `${name} cannot be shown: ${read.problem}.`, { details: { name } });
  if (read.why === 'changing')
    throw new AppError('conflict', `${name} is being written; ask again.`, { retryAfter: 1 });
  throw new AppError('invalid_path', 'Invalid path', { details: { problem: `${read.problem}.` } });
}

function notFound(name: string): AppError {
  return new AppError('not_found', 'not found', { details: { name } });
}
