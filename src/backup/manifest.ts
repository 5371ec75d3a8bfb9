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
