import { checkHistory, type Report } from '../../src/check/check.ts';
import type { Database } from '../../src/db/database.ts';
import { sealAll } from './loop.ts';
import { emptyHome } from './sealed-log.ts';

/** What the history checker finds, one sentence each. Empty when the history holds. */
export async function whatIsWrong(database: Database, home = emptyHome()): Promise<string[]> {
  await sealAll(database);
  return sentences(await checkHistory(database, { home }));
}

export function sentences({ findings }: Pick<Report, 'findings'>): string[] {
  return findings.map(({ rule, entity, id, what }) => `${rule}: ${entity} ${id}: ${what}`);
}
