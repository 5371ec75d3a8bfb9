import type { Db } from '../db/database.ts';
import { readScene, type Serving } from '../loop/reasons.ts';
import { whyPending } from '../loop/why.ts';
import { selectFailed, selectPending } from './queries.ts';
import type { Attention } from './schema.ts';
import { selectRetried, selectRunning, selectWaiting } from './step-queries.ts';
import { EXAMPLES, groupStuck } from './stuck.ts';

const MOST_PENDING = 50;
const MOST_FAILED = 20;
/**
 * Of the missions that failed in the last 7 days, so many are looked at, the oldest first, whoever cancelled or tried
 * them again.
 */
const MOST_FAILED_LOOKED_AT = 1_000;
const MOST_RUNNING = 50;
/** Steps that are looked at for what is stuck: of those that run, are tried again, and wait to be claimed. */
const MOST = { running: 200, retried: 1_000, waiting: 5_000 };
const MOST_LANES = 500;

/**
 * What a human must look at: what waits for a decision, what failed, what does not move and why, what runs.
 * @throws AppError policy_unreadable
 */
export async function readAttention(db: Db, serving: Serving): Promise<Attention> {
  const [scene, pending, failed, running, retried, waiting] = await Promise.all([
    readScene(db, serving),
    selectPending(db, MOST_PENDING + 1),
    selectFailed(db, MOST_FAILED, MOST_FAILED_LOOKED_AT),
    selectRunning(db, MOST.running + 1),
    selectRetried(db, MOST.retried + 1),
    selectWaiting(db, { most: MOST.waiting, mostLanes: MOST_LANES, examples: EXAMPLES }),
  ]);
  return {
    needs_human: {
      proposals: pending.slice(0, MOST_PENDING).map((one) => ({ ...one, why: whyPending(one).next })),
      more_proposals: pending.length > MOST_PENDING,
      missions: failed.missions,
      more_missions: failed.more,
    },
    ...groupStuck({ running, retried, waiting }, scene, MOST),
    running: running.slice(0, MOST_RUNNING).map((step) => ({
      id: step.id,
      mission_id: step.mission_id,
      kind: step.kind,
      title: step.title,
      agent_id: step.agent_id,
      worker_id: step.worker_id,
      claimed_at: step.claimed_at,
      attempt: step.attempt,
    })),
  };
}
