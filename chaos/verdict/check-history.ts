import type { Database } from '../../src/db/database.ts';
import { readLogKey } from '../../src/events/proof/key.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { readLog } from '../../test/support/loop.ts';
import { differences, readTables, replay } from '../../test/support/replay.ts';
import type { Finding } from './facts.ts';

/** Whether the log is whole and signed by these homes, and whether replaying it gives the tables. */
export async function checkHistory(database: Database, homes: readonly string[]): Promise<Finding[]> {
  const keys = await Promise.all(homes.map((home) => readLogKey(home)));
  const trusted = keys.filter((key) => key !== null);
  const findings: Finding[] = [];
  for (const home of homes) {
    const { ok, offence } = await verifyLog(database, { home, trusted });
    if (!ok) findings.push({ rule: 'log', what: JSON.stringify(offence) });
  }
  try {
    const different = differences(replay(await readLog(database)), await readTables(database));
    findings.push(...different.map((what) => ({ rule: 'replay', what })));
  } catch (error) {
    findings.push({ rule: 'replay', what: String(error) });
  }
  return findings;
}
