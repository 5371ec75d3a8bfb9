import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { AppError } from '../errors.ts';
import { isUuid } from '../lib/uuid7.ts';

/** A text given as an option, as a file, or as "-" for the standard input. */
export async function readBody(options: { body?: string; bodyFile?: string }): Promise<string | undefined> {
  if (options.body !== undefined && options.bodyFile !== undefined) {
    throw new AppError('usage', 'Give --body or --body-file, not both.');
  }
  if (options.body === '-') return text(process.stdin);
  if (options.bodyFile === undefined) return options.body;
  return readFile(options.bodyFile, 'utf8').catch((error: unknown) => {
    throw new AppError('usage', `--body-file ${options.bodyFile} cannot be read: ${String(error)}`);
  });
}

/** @throws AppError usage for what is no id */
export function requireId(id: string): string {
  if (isUuid(id)) return id;
  throw new AppError('usage', `"${id}" is no id; ids look like 019a2b3c-… and are shown by the lists.`);
}

/** Names of agents, keys and policies become parts of paths. @throws AppError usage */
export function requireName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) return name;
  throw new AppError(
    'usage',
    `"${name}" is no name: a letter or digit first, then letters, digits, "_", "." or "-".`,
  );
}

export function parseInteger(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number)) return number;
  throw new AppError('usage', `${name} "${text}" is no whole number.`);
}

/** A JSON value from the command line. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError(
      'usage',
      `"${text.slice(0, 80)}" is no JSON. Quote it for the shell, as in '{"enabled": true}'.`,
    );
  }
}

/** What stands between commas. */
export function parseList(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** "90s", "15m", "1h30m", "2d", "1w", in seconds. @throws AppError usage */
export function parseDuration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(\d{1,9}[smhdw])+$/.test(text))
    throw new AppError('usage', `${name} "${text}" is no span of time; write 90s, 15m, 1h30m, 2d or 1w.`);
  const parts = text.match(/\d+[smhdw]/g) ?? [];
  return parts.reduce((sum, part) => sum + Number.parseInt(part, 10) * (SECONDS[part.at(-1) ?? ''] ?? 0), 0);
}
