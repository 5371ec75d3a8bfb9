import type { Database } from '../db/database.ts';
import { insertActionRun } from '../engine/action-runs.ts';
import { recoverSteps } from '../engine/recover.ts';
import { LEASE_MS, RENEW_EVERY_MS } from '../engine/schema.ts';
import { buryDeadWorkers, watchForDead, type Watch } from '../engine/workers.ts';
import type { Log } from '../log.ts';

/** A gap this long between two sweeps means that this process, its machine or the database was away. */
const OWN_GAP_MS = RENEW_EVERY_MS * 2;

/**
 * Finds dead workers and gives their steps back: within 15 s of the death, because a lease lasts 10 s and
 * every worker sweeps every 3 s. After a gap of its own (a sleeping laptop, SIGSTOP, a lost database, a clock
 * that was set) it waits one lease, since others may have been held up by the same cause. The gap is measured
 * by the database's clock, which is the one that leases end by; a process's own stands still in its sleep.
 * Workers over HTTP get the length of their own lease from then on, and from the start of this process as well,
 * which may have been the server that they renew through. Where nobody can renew, their leases are left to those
 * processes where they can: a worker machine that goes on while the server is away must not declare them dead.
 * @param options.serves whether workers over HTTP renew through this process
 */
export function makeSweeper(
  database: Database,
  log: Log,
  options: { serves?: boolean; watch?: () => Promise<Watch> } = {},
): () => Promise<boolean> {
  const { serves = true, watch = () => watchForDead(database) } = options;
  let lastAt: number | null = null;
  let notBefore = 0;
  let httpSinceMs: number | null = null;

  return async function sweep() {
    try {
      const { ms: now, any_dead } = await watch();
      const gap = lastAt !== null && now - lastAt > OWN_GAP_MS;
      if (gap) notBefore = now + LEASE_MS;
      if (gap || httpSinceMs === null || !serves) httpSinceMs = now;
      lastAt = now;
      return now >= notBefore && any_dead && (await sweepOnce(database, log, httpSinceMs));
    } catch (error) {
      // When the database is back, everybody else's lease is as old as ours.
      lastAt = 0;
      throw error;
    }
  };
}

/** @returns whether there was anything to take back */
async function sweepOnce(database: Database, log: Log, httpSinceMs: number): Promise<boolean> {
  const began = performance.now();
  const found = await database.transaction(async (tx) => {
    const workers = await buryDeadWorkers(tx, httpSinceMs);
    const ofDead = await recoverSteps(tx, { why: 'worker_died' });
    const ofExpired = await recoverSteps(tx, { why: 'lease_expired', sinceMs: httpSinceMs });
    const recovered = {
      requeued: ofDead.requeued + ofExpired.requeued,
      failed: ofDead.failed + ofExpired.failed,
    };
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
