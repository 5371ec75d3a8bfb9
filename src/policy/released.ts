import type { Database } from '../db/database.ts';
import { makeWake } from '../lib/wake.ts';
import { readPolicyKey } from './policy.ts';

const LOOK_EVERY_MS = 3_000;

/**
 * Waits while the database is a restored one that nobody has resumed: what reaches out by itself begins only afterwards.
 * @param onHeld told once when it has to wait
 */
export async function untilReleased(
  database: Database,
  signal: AbortSignal,
  onHeld: () => void,
): Promise<void> {
  const wake = makeWake();
  const stopListening = database.hints.on('policy', wake.call);
  try {
    for (let told = false; !signal.aborted; told = true) {
      if (!(await isHeld(database))) return;
      if (!told) onHeld();
      await wake.wait(LOOK_EVERY_MS, signal);
    }
  } finally {
    stopListening();
  }
}

/** A policy or a database that cannot be read just now says nothing: it is asked again. */
async function isHeld(database: Database): Promise<boolean> {
  const paused = await readPolicyKey(database, 'paused').catch(() => null);
  return paused === null || (paused.enabled && paused.restored === true);
}
