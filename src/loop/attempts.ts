import type { Db } from '../db/database.ts';
import { groupBy } from '../lib/group-by.ts';
import type { MissionRow } from '../missions/schema.ts';
import { stepsOf } from '../steps/steps.ts';
import { type CallRow, selectCalls, selectStepEvents, type StepEvent } from './attempt-queries.ts';

/** How an attempt ended. */
export const ATTEMPT_ENDS = ['completed', 'failed', 'released', 'lost', 'stale', 'cancelled'] as const;

/** One claim of a step, and what became of it. Null times lie before what was looked at, or are still to come. */
export type Attempt = {
  step_id: string;
  attempt: number;
  worker_id: string | null;
  claimed_at: Date | null;
  ended_at: Date | null;
  /** `lost`: its worker died. `stale`: it ran longer than policy allows. `cancelled`: its mission ended. */
  ended_as: (typeof ATTEMPT_ENDS)[number] | null;
  failure: { class: string; message: string | null } | null;
  calls: Omit<CallRow, 'step_id' | 'attempt'>[];
};

const MOST = 2_000;

/** The attempts of a mission's steps, in their order, from the newest 2,000 events and model calls of its steps. */
export async function attemptsOf(
  db: Db,
  mission: MissionRow,
): Promise<{ attempts: Attempt[]; truncated: boolean }> {
  const steps = await stepsOf(db, mission.id);
  const stepIds = steps.map((step) => step.id);
  const proposalId = mission.proposal_id;
  const events =
    proposalId === null ? [] : await selectStepEvents(db, { proposalId, stepIds, limit: MOST + 1 });
  const calls = await selectCalls(db, stepIds, MOST + 1);
  const eventsOf = groupBy(events.slice(0, MOST).toReversed(), (event) => event.step_id);
  const callsOf = groupBy(calls.slice(0, MOST).toReversed(), (call) => `${call.step_id} ${call.attempt}`);
  return {
    attempts: stepIds.flatMap((id) =>
      fold(eventsOf.get(id) ?? []).map((attempt) => ({
        ...attempt,
        calls: (callsOf.get(`${id} ${attempt.attempt}`) ?? []).map(
          ({ step_id: _step, attempt: _attempt, ...call }) => call,
        ),
      })),
    ),
    truncated: events.length > MOST || calls.length > MOST,
  };
}

/** The events of one step in their order, as its attempts. */
function fold(events: StepEvent[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const event of events) {
    const last = attempts.at(-1);
    // The end of a mission names no claim: it ends the one that runs, and what has not begun has none.
    const number = event.attempt ?? (event.from === 'running' ? event.failure?.attempt : undefined);
    if (number === undefined) continue;
    const current = last?.attempt === number ? last : begin(event.step_id, number);
    if (current !== last) attempts.push(current);
    if (event.kind === 'step.started') {
      current.worker_id = event.worker_id;
      current.claimed_at = event.at;
    } else end(current, event);
  }
  return attempts;
}

function begin(stepId: string, attempt: number): Attempt {
  return {
    step_id: stepId,
    attempt,
    worker_id: null,
    claimed_at: null,
    ended_at: null,
    ended_as: null,
    failure: null,
    calls: [],
  };
}

function end(attempt: Attempt, { kind, source, at, reason, failure }: StepEvent): void {
  attempt.ended_at = at;
  if (kind === 'step.completed') attempt.ended_as = 'completed';
  else if (kind === 'step.released') attempt.ended_as = 'released';
  else if (source === 'missions') attempt.ended_as = 'cancelled';
  else if (source === 'heartbeat') attempt.ended_as = reason === 'stale' ? 'stale' : 'lost';
  else attempt.ended_as = 'failed';
  // A release without a message leaves an older failure in the row.
  const own = failure?.attempt === attempt.attempt ? failure : null;
  const why = own?.class ?? reason;
  if (kind !== 'step.completed' && why !== null)
    attempt.failure = { class: why, message: own?.message ?? null };
}
