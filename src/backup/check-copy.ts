import type { Database } from '../db/database.ts';
import { verifyLog } from '../events/proof/verify.ts';

/** What looking at a restored copy found. */
export type Report = { ok: boolean; findings: string[] };

/** Whether the copy is sound in itself. @param home holds the signed heads and the keys that came with it */
export async function checkCopy(
  database: Database,
  options: { home: string; onProgress?: (share: number) => void },
): Promise<Report> {
  const { ok, offence } = await verifyLog(database, {
    home: options.home,
    onProgress: ({ seq, total }) => options.onProgress?.(seq / total),
  });
  return { ok, findings: offence === null ? [] : [`${offence.what} ${offence.todo}`] };
}
