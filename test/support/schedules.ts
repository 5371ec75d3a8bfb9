import type { Database } from '../../src/db/database.ts';
import { toAnswer } from '../../src/loop/answer.ts';
import { makeCreateProposal } from '../../src/loop/propose.ts';
import { NO_PLAN } from '../../src/schedules/plan.ts';
import type { Plan, ScheduleInput, ScheduleRow } from '../../src/schedules/schema.ts';
import { addSchedule } from '../../src/schedules/schedules.ts';
import { type DueParts, SomebodyHoldsIt, takeDue } from '../../src/schedules/take-due.ts';
import { dueAfter, IN_TIME_MS, runAt } from '../../src/schedules/timing.ts';

export const ID = '0190a000-0000-7000-8000-000000000000';

export function plan(given: Partial<Plan>): Plan {
  return { id: ID, ...NO_PLAN, ...given };
}

export function partsOf(database: Database): DueParts {
  return { database, propose: makeCreateProposal(database, toAnswer) };
}

let made = 0;
/** A schedule that is complete but for what a test is about. */
export async function add(database: Database, input: Partial<ScheduleInput> = {}): Promise<ScheduleRow> {
  const name = `schedule-${++made}`;
  const text = { agent_id: 'pm', kind: 'analysis', title: 'Look around' };
  return (await addSchedule(database, { name, ...text, ...input }, 'test')).schedule;
}

/** As if its next due time, and when it is taken, were another one. */
export async function date(database: Database, name: string, due: Date, run = due): Promise<void> {
  await database.query('update ops_schedules set next_due_at = $2, next_run_at = $3 where name = $1', [
    name,
    due,
    run,
  ]);
}

/** Takes everything that is due at a time. Returns what could not be taken. */
export async function takeAll(parts: DueParts[], now: Date): Promise<unknown[]> {
  for (;;) {
    const looks = await Promise.all(parts.map((one) => takeDue(one, now, [])));
    const failures = looks
      .flatMap((look) => [...look.failures.values()])
      // The other one was at it; it is looked at again.
      .filter((error) => !(error instanceof SomebodyHoldsIt));
    if (failures.length > 0 || looks.every((look) => look.taken === 0)) return failures;
  }
}

/** The due times for which a schedule has proposed, in their order. */
export async function proposedFor(database: Database, name: string): Promise<Date[]> {
  const rows = await database.query<{ run_at: Date }>(
    'select run_at from ops_proposals where created_by = $1 order by run_at',
    [`schedule:${name}`],
  );
  return rows.map((row) => row.run_at);
}

/** What the rule allows, by walking through every due time: for looks at these times, each taking all that is due. */
export function allowed(plan: Plan, from: Date, looks: Date[]): Date[] {
  const most = { skip: 1, once: 1, all: plan.missed_most }[plan.missed];
  const proposed: Date[] = [];
  let next = dueAfter(plan, from);
  for (const now of looks) {
    const come: Date[] = [];
    for (; next !== null && runAt(plan, next) <= now; next = dueAfter(plan, next)) come.push(next);
    const isLate = (due: Date) => now.getTime() - runAt(plan, due).getTime() > IN_TIME_MS;
    const taken = come.filter((due, index) => index >= come.length - most || !isLate(due));
    proposed.push(...(plan.missed === 'skip' ? taken.filter((due) => !isLate(due)) : taken));
  }
  return proposed;
}
