import { AppError } from '../../errors.ts';
import { numbered, sanitiseName } from '../conventions/names.ts';
import { type Folders, inRealFolder, requireRealFolders, unavailable } from '../disk/folders.ts';
import { putUnderFreeName } from '../disk/put-whole.ts';
import { MOST_BYTES } from '../disk/read-whole.ts';

/** What the older system wrote for a submission without a text. */
const EMPTY = '@pm:\nOBJETIVO: (vacio)\nDONE:\n- [ ] ...\n';
const MOST_NUMBERS = 10_000;

/**
 * Puts a task into the inbox under a name made safe, numbered where that is taken. It is there whole or not at
 * all.
 * @returns the name it got
 * @throws AppError workspace_unavailable or too_large
 */
export async function submitFile(folders: Folders, given: { name: string; text: string }): Promise<string> {
  const text = given.text.trim() === '' ? EMPTY : given.text.endsWith('\n') ? given.text : `${given.text}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES)
    throw new AppError('too_large', `The text has ${bytes} bytes; ${MOST_BYTES} are allowed.`);
  await requireRealFolders(folders);
  const name = sanitiseName(given.name);
  const names = Array.from({ length: MOST_NUMBERS }, (_, index) => numbered(name, index + 1));
  const file = await inRealFolder(folders, 'inbox', (inbox) => putUnderFreeName(inbox, names, text)).catch(
    (error: unknown) => {
      throw unavailable(folders.path('inbox'), error);
    },
  );
  if (file !== null) return file;
  throw new AppError(
    'conflict',
    `${name} and ${MOST_NUMBERS} numbers behind it are taken; use another name.`,
  );
}
