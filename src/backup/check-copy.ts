import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkHistory } from '../check/check.ts';
import type { Database } from '../db/database.ts';
import { isEvidence, placeHomeFiles } from './home-files.ts';
import type { Copy, Step } from './restore-into.ts';

/** What looking at a restored copy found. */
export type Report = { ok: boolean; findings: string[] };

/** Whether the copy is sound in itself. @param home holds the signed heads and the keys that came with it */
async function checkCopy(
  database: Database,
  options: { home: string; onProgress?: (share: number) => void },
): Promise<Report> {
  const { ok, findings } = await checkHistory(database, {
    home: options.home,
    onProgress: ({ doing, done, total }) =>
      options.onProgress?.(((doing === 'log' ? 0 : 1) + done / Math.max(1, total)) / 2),
  });
  return { ok, findings: findings.map(({ entity, id, what }) => `${entity} ${id}: ${what}`) };
}

const STAGING = '.restore-';

/** Checks a copy with the heads and keys that came with it, not with those of the home it comes to. */
export async function checkWithFiles(
  home: string,
  copy: Pick<Copy, 'database' | 'files'>,
  onStep: Step,
): Promise<Report> {
  for (const name of await readdir(home))
    if (name.startsWith(STAGING)) await rm(join(home, name), { recursive: true, force: true });
  const staging = await mkdtemp(join(home, STAGING));
  try {
    await placeHomeFiles(staging, copy.files.filter(isEvidence));
    return await checkCopy(copy.database, {
      home: staging,
      onProgress: (share) => onStep('checking', share),
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
