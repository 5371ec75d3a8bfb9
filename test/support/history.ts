import { checkHistory, checkThreads, type Report } from '../../src/check/check.ts';
import { makeFindings } from '../../src/check/findings.ts';
import { threadsSince } from '../../src/check/pages.ts';
import type { Database } from '../../src/db/database.ts';
import { sealAll } from './loop.ts';
import { emptyHome } from './sealed-log.ts';

/** What the history checker finds, one sentence each. Empty when the history holds. */
export async function whatIsWrong(database: Database, home = emptyHome()): Promise<string[]> {
  await sealAll(database);
  return sentences(await checkHistory(database, { home }));
}

/** The same of the proposals alone that something happened to after a place in the log, for tests that ask often. */
export async function whatIsWrongSince(database: Database, seq: number): Promise<string[]> {
  await sealAll(database);
  const findings = makeFindings();
  await checkThreads(database, { findings, pages: threadsSince(database, seq) });
  return sentences({ findings: findings.kept() });
}

export function sentences({ findings }: Pick<Report, 'findings'>): string[] {
  return findings.map(({ rule, entity, id, what }) => `${rule}: ${entity} ${id}: ${what}`);
}
