import type { Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { makeWake } from '../lib/wake.ts';
import { readPolicyKey } from './policy.ts';

const LOOK_EVERY_MS = 3_000;

/**
 * Whether the database is a restored one that nobody has resumed; null while it is away. A pause that cannot be read was
 * written by no restore.
 */
export async function isHeld(database: Database): Promise<boolean | null> {
  try {
    const { enabled, restored } = await readPolicyKey(database, 'paused');
    return enabled && restored === true;
  } catch (error) {
    return error instanceof AppError && error.code === 'policy_unreadable' ? false : null;
  }
}

/** Waits until somebody resumes a restored database, or the signal aborts. */
export async function untilReleased(database: Database, signal: AbortSignal): Promise<void> {
  const wake = makeWake();
  const stopListening = database.hints.on('policy', wake.call);
  try {
    while (!signal.aborted && (await isHeld(database)) !== false) await wake.wait(LOOK_EVERY_MS, signal);
  } finally {
    stopListening();
  }
}
