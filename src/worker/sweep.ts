import type { Database } from '../db/database.ts';
import { insertActionRun } from '../engine/action-runs.ts';
import { recoverSteps } from '../engine/recover.ts';
import { LEASE_MS, RENEW_EVERY_MS } from '../engine/schema.ts';
import { buryDeadWorkers } from '../engine/workers.ts';
import type { Log } from '../log.ts';

/** A gap this long between two sweeps means that this process, or the database, was away. */
const OWN_GAP_MS = RENEW_EVERY_MS * 2;

/**
 * Finds dead workers and gives their steps back: within 15 s of the death, because a lease lasts 10 s and
 * every worker sweeps every 3 s. After a gap of its own (sleep, SIGSTOP, a lost database) it waits one lease,
 * since others may have been held up by the same cause. Recorded only when it acted.
 */
export function makeSweeper(database: Database, log: Log): () => Promise<boolean> {
  let lastAt = performance.now();
  let notBefore = 0;

  return async function sweep() {
    const now = performance.now();
    if (now - lastAt > OWN_GAP_MS) notBefore = now + LEASE_MS;
    lastAt = now;
    if (now < notBefore) return false;
    try {
      return await sweepOnce(database, log);
    } catch (error) {
      // The database was away: when it is back, everybody else's lease is as old as ours.
      lastAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  };
}

/** @returns whether there was anything to take back */
async function sweepOnce(database: Database, log: Log): Promise<boolean> {
  const began = performance.now();
  const found = await database.transaction(async (tx) => {
    const workers = await buryDeadWorkers(tx);
    const recovered = await recoverSteps(tx, { why: 'worker_died' });
    if (workers.length === 0 && recovered.requeued + recovered.failed === 0) return null;
    const details = { workers, ...recovered };
    const durationMs = performance.now() - began;
    await insertActionRun(tx, {
      action: 'recoverDeadWorkers',
      status: 'ok',
      details,
      durationMs,
      beatId: null,
    });
    return details;
  });
  if (!found) return false;
  log.warn(found, 'took back the steps of dead workers');
  database.hints.tell('steps');
  database.hints.tell('events');
  return true;
}
