import { checkHistory as check } from '../../src/check/check.ts';
import type { Database } from '../../src/db/database.ts';
import { readLogKey } from '../../src/events/proof/key.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { sealAll } from '../../test/support/loop.ts';
import type { Finding } from './facts.ts';

/** Whether the history holds, and the log is the one that each of these homes has signed. */
export async function checkHistory(database: Database, homes: readonly string[]): Promise<Finding[]> {
  const keys = await Promise.all(homes.map((home) => readLogKey(home)));
  const trusted = keys.filter((key) => key !== null);
  await sealAll(database);
  const [first = '', ...others] = homes;
  const report = await check(database, { home: first, trusted });
  const findings = report.findings.map(({ rule, entity, id, what }) => ({
    rule: `history: ${rule}`,
    what: `${entity} ${id}: ${what}`,
  }));
  for (const home of others) {
    const { offence } = await verifyLog(database, { home, trusted });
    if (offence !== null) findings.push({ rule: 'history: sealed', what: offence.what });
  }
  return findings;
}
