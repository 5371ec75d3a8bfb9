import { readFile } from 'node:fs/promises';
import type { App } from '../app.ts';
import { isKnown, noteFact } from '../db/installation.ts';
import { MAX_BODY_BYTES } from '../proposals/schema.ts';

/** The document that the sample is about ships with the package. */
const DOCUMENT = new URL('../../README.md', import.meta.url);

/**
 * Proposes one analysis on a fresh installation, so that a newcomer sees the loop close. Later starts do not
 * repeat it: the Idempotency-Key makes that true even when this one is cut short.
 * @returns the proposal's id, or null when there was a sample before
 */
export async function proposeSample(app: App): Promise<string | null> {
  if (await isKnown(app.database, 'sample_proposed')) return null;
  const body = (await readFile(DOCUMENT))
    .subarray(0, MAX_BODY_BYTES)
    .toString('utf8')
    .toWellFormed()
    .slice(0, MAX_BODY_BYTES / 4);
  const proposed = await app.propose({
    agentId: 'research',
    kind: 'analysis',
    title: "What opsloop's README says",
    body,
    by: 'setup',
    idempotency: { owner: 'setup', key: 'sample', digest: 'sample' },
  });
  await noteFact(app.database, 'sample_proposed');
  return 'admission' in proposed ? proposed.admission.proposal.id : null;
}
