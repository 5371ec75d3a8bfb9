import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../db/database.ts';
import { verifyLog } from '../events/proof/verify.ts';
import { type HomeFile, placeHomeFiles } from './home-files.ts';
import type { Copy, Step } from './restore-into.ts';

/** What looking at a restored copy found. */
export type Report = { ok: boolean; findings: string[] };

/** Whether the copy is sound in itself. @param home holds the signed heads and the keys that came with it */
async function checkCopy(
  database: Database,
  options: { home: string; onProgress?: (share: number) => void },
): Promise<Report> {
  const { ok, offence } = await verifyLog(database, {
    home: options.home,
    onProgress: ({ seq, total }) => options.onProgress?.(seq / total),
  });
  return { ok, findings: offence === null ? [] : [`${offence.what} ${offence.todo}`] };
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

function isEvidence({ path }: HomeFile): boolean {
  return path.startsWith('log-');
}
