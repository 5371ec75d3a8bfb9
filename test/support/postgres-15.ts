/** Debian's package postgresql-15; tests that need it are skipped where it is not. */
export const POSTGRES_15 = `${process.env.PG15_BIN ?? '/usr/lib/postgresql/15/bin'}/postgres`;

export type Run = (program: string, args: string[]) => string;

/** A throwaway server of that version. @param work gets its address, and runs its programs */
export async function withPostgres15<T>(work: (url: string, run: Run) => Promise<T>): Promise<T> {
  const path = new URL('../../scripts/postgres-15.mjs', import.meta.url).href;
  const script = (await import(path)) as { withPostgres15: (given: typeof work) => Promise<T> };
  return script.withPostgres15(work);
}
