import { isDeepStrictEqual } from 'node:util';
import { findAgent, unknownAgent } from '../agents/agents.ts';
import type { Database, Db } from '../db/database.ts';
import { brokenConstraint } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { type Page, readPage } from '../lib/read-page.ts';
import { uuid7 } from '../lib/uuid7.ts';
import { mergePlan, NO_PLAN } from './plan.ts';
import {
  type Change,
  deleteSchedule,
  selectNow,
  selectProposalsOf,
  selectSchedule,
  selectSchedules,
  writeSchedule,
} from './queries.ts';
import type { ScheduleChange, ScheduleDetails, ScheduleInput, ScheduleRow } from './schema.ts';
import { nextDue, placeAfter } from './timing.ts';

const UPCOMING_SHOWN = 5;
const PROPOSALS_SHOWN = 5;
/** With another one of these its next due time is another one. */
const MOVING = ['cron', 'every_seconds', 'starts_at', 'at', 'timezone', 'jitter_seconds'] as const;

/**
 * @param passedToo whether its only time may have passed: it is over then
 * @throws AppError invalid_request, unknown_agent, or conflict when the name is taken
 */
export async function addSchedule(
  database: Database,
  input: ScheduleInput,
  by: string,
  passedToo = false,
): Promise<ScheduleDetails> {
  const { name, agent_id, kind, title, body = null, priority = 0 } = input;
  const adding = database.transaction(async (tx) => {
    const now = await selectNow(tx);
    const plan = mergePlan({ id: uuid7(), ...NO_PLAN }, input, now, passedToo);
    await requireAgent(tx, agent_id);
    const row = {
      name,
      agent_id,
      kind,
      title,
      body,
      priority,
      paused: false,
      version: 1,
      created_by: by,
      ...plan,
      ...placeAfter(plan, now),
      last_due_at: null,
      last_proposal_id: null,
    };
    return writeSchedule(tx, row, { kind: 'created', by });
  });
  const row = await adding.catch((error: unknown) => {
    if (brokenConstraint(error) !== 'ops_schedules_name_key') throw error;
    const message = `There is a schedule "${name}" already; change it with \`opsloop schedules set ${name}\`, or take another name.`;
    throw new AppError('conflict', message, { details: { name } });
  });
  tell(database);
  return describeSchedule(database, row);
}

/**
 * Changes what is named of it; what is as it was already, changes nothing. With another timing it goes on from now,
 * else what is due by now stays due.
 * @param passedToo whether a new `at` may have passed: the schedule is over then
 * @throws AppError not_found, invalid_request or unknown_agent
 */
export function changeSchedule(
  database: Database,
  name: string,
  change: ScheduleChange,
  by: string,
  passedToo = false,
): Promise<ScheduleDetails> {
  return update(database, name, { kind: 'changed', by }, async (row, tx, now) => {
    const plan = mergePlan(row, change, now, passedToo);
    const { agent_id, kind, title, body, priority } = { ...row, ...change };
    if (agent_id !== row.agent_id) await requireAgent(tx, agent_id);
    const isMoved = MOVING.some((member) => !isDeepStrictEqual(plan[member], row[member]));
    const place = isMoved && !row.paused ? placeAfter(plan, now) : {};
    const changed = { ...row, ...plan, agent_id, kind, title, body, priority, ...place };
    return isDeepStrictEqual(changed, row) ? null : changed;
  });
}

/** Nothing of it comes due until it is resumed. Once more changes nothing. @throws AppError not_found */
export function pauseSchedule(database: Database, name: string, by: string): Promise<ScheduleDetails> {
  return update(database, name, { kind: 'paused', by }, async (row) =>
    row.paused ? null : { ...row, paused: true, next_due_at: null, next_run_at: null },
  );
}

/**
 * It goes on from now: what came during the pause is not made up for.
 * @throws AppError not_found, invalid_request when its timing cannot be read, or conflict when its only time has passed
 */
export function resumeSchedule(database: Database, name: string, by: string): Promise<ScheduleDetails> {
  return update(database, name, { kind: 'resumed', by }, async (row, _tx, now) => {
    if (!row.paused) return null;
    const place = placeAfter(mergePlan(row, {}, now), now);
    if (place.next_due_at === null)
      throw new AppError(
        'conflict',
        `The time of the schedule "${name}" has passed. Give it another one with \`opsloop schedules set ${name} --at …\`, then resume it.`,
        { details: { name, at: row.at } },
      );
    // A due time that lies ahead was taken while the clock was wrong; from here on it is right again.
    const last_due_at = row.last_due_at !== null && row.last_due_at > now ? null : row.last_due_at;
    return { ...row, paused: false, last_due_at, ...place };
  });
}

/** Its proposals stay. @throws AppError not_found */
export async function removeSchedule(database: Database, name: string, by: string): Promise<ScheduleRow> {
  const row = await database.transaction((tx) => deleteSchedule(tx, name, by));
  if (!row) throw unknownSchedule(name);
  tell(database);
  return row;
}

export function listSchedules(
  db: Db,
  agentId: string | undefined,
  page: { afterId: string | null; limit: number },
): Promise<Page<ScheduleRow>> {
  return readPage(page.limit, (limit) => selectSchedules(db, { agentId, ...page, limit }), null);
}

/** @throws AppError not_found */
export function getSchedule(db: Db, name: string): Promise<ScheduleRow> {
  return requireSchedule(db, name);
}

/** A schedule with what comes next and what came last. */
export async function describeSchedule(db: Db, row: ScheduleRow): Promise<ScheduleDetails> {
  return {
    schedule: row,
    upcoming: upcomingDue(row, UPCOMING_SHOWN),
    proposals: await selectProposalsOf(db, row.name, PROPOSALS_SHOWN),
  };
}

/** The next due times: that of the row, which can be overdue, and those after it. None while it is paused. */
export function upcomingDue(row: ScheduleRow, count: number): Date[] {
  if (row.next_due_at === null) return [];
  try {
    return [row.next_due_at, ...nextDue(row, row.next_due_at, count - 1)];
  } catch {
    // A time zone that this version of Node does not know; health says so once it matters.
    return [row.next_due_at];
  }
}

/**
 * Changes a schedule and writes its event, as one transaction.
 * @param toRow makes the new row while nobody else can change the old one; null: nothing is changed
 */
async function update(
  database: Database,
  name: string,
  change: Change,
  toRow: (row: ScheduleRow, tx: Db, now: Date) => Promise<ScheduleRow | null>,
): Promise<ScheduleDetails> {
  const row = await database.transaction(async (tx) => {
    const before = await requireSchedule(tx, name, true);
    const after = await toRow(before, tx, await selectNow(tx));
    return after === null ? before : writeSchedule(tx, { ...after, version: before.version + 1 }, change);
  });
  tell(database);
  return describeSchedule(database, row);
}

async function requireSchedule(db: Db, name: string, lock = false): Promise<ScheduleRow> {
  const row = await selectSchedule(db, name, lock);
  if (!row) throw unknownSchedule(name);
  return row;
}

async function requireAgent(tx: Db, agentId: string): Promise<void> {
  if (!(await findAgent(tx, agentId))) throw unknownAgent(agentId);
}

/** The error for a name that no schedule has. */
export function unknownSchedule(name: string): AppError {
  return new AppError('not_found', `There is no schedule "${name}". \`opsloop schedules\` lists them.`, {
    details: { name },
  });
}

function tell(database: Database): void {
  database.hints.tell('events');
  database.hints.tell('schedules');
}

/** All of them: there are as many as an operator wrote. */
export async function allSchedules(db: Db): Promise<ScheduleRow[]> {
  const rows: ScheduleRow[] = [];
  for (let afterId: string | null = null; ; ) {
    const page: Page<ScheduleRow> = await listSchedules(db, undefined, { afterId, limit: 200 });
    rows.push(...page.rows);
    if (page.next === null) return rows;
    afterId = page.next;
  }
}
