import { z } from 'zod';

/** Grows when an older program could not read what is written. */
export const FORMAT = 1;

const Sum = { bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) };
const TablePart = z.object({
  table: z.string(),
  /** In the order in which the rows have them. */
  columns: z.array(z.string()).min(1),
  rows: z.int().min(0),
  ...Sum,
});
/** Only these are ever written into a home, whatever a backup says. */
const HOME_PATH =
  /^(log-heads\.jsonl|config\.json|operator\.key|log-key\.pem|\.env|secrets\/[\w-][\w.-]*|log-keys\/[0-9a-f]{16}\.pem)$/;
export function mayGoIntoHome(path: string): boolean {
  return HOME_PATH.test(path);
}

/** They are held in memory. A line of heads is written once a beat, for years. */
const MOST_FILES = 1_000;
const LONGEST_FILE = 2 ** 20;
const LONGEST_HEADS = 2 ** 29;

/** What is wrong with these files, or null. */
export function problemOfFiles(files: readonly { path: string; bytes: number }[]): string | null {
  if (files.length > MOST_FILES)
    return `${files.length} files of the home, and at most ${MOST_FILES} go into one`;
  for (const { path, bytes } of files) {
    const most = path === 'log-heads.jsonl' ? LONGEST_HEADS : LONGEST_FILE;
    if (bytes > most) return `${path} has ${bytes} bytes, and at most ${most} go into one`;
  }
  return null;
}

const FilePart = z.object({ file: z.string().regex(HOME_PATH), ...Sum });

/** What a backup holds, in the order in which it stands there. */
export const Manifest = z.object({
  format: z.literal(FORMAT),
  /** The program that made it, and on which PostgreSQL. */
  opsloop: z.string(),
  postgres: z.string(),
  /** The newest migration of the database. */
  schema: z.int().min(1),
  taken_at: z.iso.datetime(),
  /** Names the log: the beginning of its first batch's hash; null while nothing was sealed. */
  installation: z.string().nullable(),
  /** Where the chain of events ends. */
  log: z.object({ seq: z.int(), hash: z.string() }).nullable(),
  /** Last values; null: none was drawn yet. */
  sequences: z.array(z.object({ name: z.string(), value: z.int().nullable() })),
  tables: z.array(TablePart),
  /** Files of the home, by their path in it. */
  files: z.array(FilePart),
});
export type Manifest = z.infer<typeof Manifest>;
export type TablePart = z.infer<typeof TablePart>;
export type FilePart = z.infer<typeof FilePart>;

export function rowsIn({ tables }: Pick<Manifest, 'tables'>): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}
