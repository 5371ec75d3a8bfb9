import type { Database, Db } from '../db/database.ts';
import type { CreateProposal } from '../loop/propose.ts';
import type { Admission } from '../loop/schema.ts';
import { moveSchedule, selectDue } from './queries.ts';
import { authorOf, type ScheduleRow } from './schema.ts';
import { type Move, moveOf } from './timing.ts';

/** So many schedules are taken together; their proposals share a transaction. */
const MOST_AT_ONCE = 50;

export type DueParts = { database: Database; propose: CreateProposal };

/** What went wrong with schedules that could not be moved, by their ids. */
export type Failures = Map<string, unknown>;

/**
 * Takes schedules whose time has come, each by one due time.
 * @param now the database's time
 * @param except schedules that are left alone
 */
export async function takeDue(
  parts: DueParts,
  now: Date,
  except: string[],
): Promise<{ taken: number; failures: Failures }> {
  const due = await selectDue(parts.database, now, except, MOST_AT_ONCE);
  const failures: Failures = new Map();
  await Promise.all(
    due.map((row) =>
      takeOne(parts, row, now).catch((error: unknown) => {
        // Whoever was faster has moved it, or changed it: the next look sees what it is now.
        if (!(error instanceof MovedMeanwhile)) failures.set(row.id, error);
      }),
    ),
  );
  return { taken: due.length, failures };
}

async function takeOne({ database, propose }: DueParts, row: ScheduleRow, now: Date): Promise<void> {
  if (row.next_due_at === null) return;
  const move = moveOf(row, row.next_due_at, now);
  const { due } = move;
  if (due === null) {
    await database.transaction((tx) => moveOn(tx, row, move, null));
    database.hints.tell('events');
    return;
  }
  await propose({
    agentId: row.agent_id,
    kind: row.kind,
    title: row.title,
    body: row.body,
    priority: row.priority,
    runAt: due,
    by: authorOf(row),
    // Of two processes that come at the same time, the second waits for the first and then has nothing to do.
    idempotency: { owner: 'schedules', key: `${row.id}:${row.version}`, digest: '' },
    alongside: (tx, admission) => moveOn(tx, row, move, admission),
  });
}

/**
 * In the transaction of the proposal: it is made and the schedule moved on, or neither.
 * @throws MovedMeanwhile, SomebodyHoldsIt
 */
async function moveOn(tx: Db, row: ScheduleRow, move: Move, admission: Admission | null): Promise<void> {
  const proposal = admission?.proposal;
  const missed = move.missedFrom && { from: move.missedFrom, until: move.due ?? move.place.next_due_at };
  const outcome = await moveSchedule(
    tx,
    row,
    { ...move.place, last_due_at: move.last, last_proposal_id: proposal?.id ?? null },
    {
      kind: proposal ? 'schedule.proposed' : 'schedule.passed_over',
      payload: {
        cause: { by: 'scheduler' },
        due: move.due,
        ...(proposal ? { proposal_id: proposal.id, status: proposal.status } : {}),
        ...(missed ? { missed } : {}),
      },
    },
  );
  if (outcome === 'gone') throw new MovedMeanwhile();
  if (outcome === 'held') throw new SomebodyHoldsIt();
}

/** Its row is locked by somebody, who is likely changing it. It is looked at again in a moment. */
export class SomebodyHoldsIt extends Error {
  override readonly name = 'SomebodyHoldsIt';
}

/** No error for users: the service tries each request of a batch alone after one, so the others are not lost. */
class MovedMeanwhile extends Error {
  override readonly name = 'MovedMeanwhile';
}
