import { AppError } from '../../errors.ts';

/** Room for `__2026-11-22_10-11-12__PENDING.md` behind the stem in the 255 bytes that file systems allow. */
const MOST_NAME_BYTES = 200;

const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * Why a name cannot be used for a file of the workspace; null when it can. What is refused would lead out of
 * the folder, mean a device somewhere, hide itself, or look like another name.
 */
export function nameProblem(name: string): string | null {
  if (name === '') return 'it is empty';
  if (Buffer.byteLength(name) > MOST_NAME_BYTES) return `it has more than ${MOST_NAME_BYTES} bytes`;
  if (!name.isWellFormed() || name.includes('\uFFFD')) return 'it is not valid UTF-8';
  if (/[/\\]/.test(name)) return 'it contains a path separator';
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u.test(name)) return 'it contains invisible characters';
  if (/[<>:"|?*]/.test(name)) return 'it contains one of < > : " | ? *';
  if (name.startsWith('.')) return 'it begins with a dot';
  if (/[. ]$/.test(name) || name.startsWith(' ')) return 'it begins or ends with a blank, or ends with a dot';
  if (RESERVED.test(name)) return 'it is the name of a device';
  return null;
}

export function stemOf(name: string): string {
  return name.replace(/\.txt(?:\.done|\.failed)?$/, '');
}

/** A task file by its name: what waits in the inbox to be done. */
export function isTaskName(name: string): boolean {
  return name.endsWith('.txt') && name.length > '.txt'.length;
}

export function isGoalName(name: string): boolean {
  return name.startsWith('GOAL_');
}

/** The older system's rule for names that arrive over HTTP or from a model, made safe for every file system. */
export function sanitiseName(given: string): string {
  const plain = given
    .trim()
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replaceAll('..', '_');
  const stem = (plain === '' ? 'tarea_web' : plain.replace(/\.txt$/, '')).slice(0, 120).replace(/^\.+/, '_');
  const safe = RESERVED.test(stem) || stem === '' ? `_${stem}` : stem;
  return `${safe.replace(/[.]+$/, '_')}.txt`;
}

/** `a.txt`, then `a_2.txt`, `a_3.txt`, … */
export function numbered(name: string, number: number): string {
  return number === 1 ? name : `${stemOf(name)}_${number}.txt`;
}

/** `<stem>__YYYY-MM-DD_HH-MM-SS<suffix>.md`, in the local time of the server as in the older system. */
export function outputName(stem: string, at: Date, suffix = ''): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}-${two(at.getMinutes())}-${two(at.getSeconds())}`;
  return `${stem}__${day}_${time}${suffix}.md`;
}

/**
 * A file's name out of a URL, decoded exactly once.
 * @throws AppError invalid_path
 */
export function decodeFileName(encoded: string): string {
  const refuse = (problem: string) =>
    new AppError('invalid_path', 'Invalid path', {
      details: { problem: `This is no name of a file here: ${problem}.` },
    });
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw refuse('its percent-encoding is broken');
  }
  const problem = nameProblem(name);
  if (problem) throw refuse(problem);
  return name;
}
