import { createHash } from 'node:crypto';
import { cronAfter, cronThrough } from './cron.ts';
import type { Plan, Timing } from './schema.ts';

/** Pure: what is due when, by the clock that the caller read. */

/** A due time that is taken no later than this after its time was not missed. */
export const IN_TIME_MS = 60_000;

/** The first due time after a time; null when nothing comes any more. */
export function dueAfter(timing: Timing, after: Date): Date | null {
  if (timing.cron !== null) return cronAfter(timing.cron, timing.timezone, after);
  if (timing.at !== null) return timing.at > after ? timing.at : null;
  const { start, step } = interval(timing);
  const past = Math.floor((after.getTime() - start) / step) + 1;
  return new Date(start + Math.max(0, past) * step);
}

/** The newest due times up to a time, at most so many, the oldest of them first. */
export function dueThrough(timing: Timing, through: Date, most: number): Date[] {
  if (timing.cron !== null) return cronThrough(timing.cron, timing.timezone, through, most);
  if (timing.at !== null) return timing.at <= through ? [timing.at] : [];
  const { start, step } = interval(timing);
  const last = Math.floor((through.getTime() - start) / step);
  const count = Math.min(most, last + 1);
  return Array.from(
    { length: Math.max(0, count) },
    (_, n) => new Date(start + (last - count + 1 + n) * step),
  );
}

/** In milliseconds. */
function interval({ starts_at, every_seconds }: Timing): { start: number; step: number } {
  if (starts_at === null || every_seconds === null) throw new Error('a schedule has no timing');
  return { start: starts_at.getTime(), step: every_seconds * 1_000 };
}

/** The next due times after a time. */
export function nextDue(timing: Timing, after: Date, count: number): Date[] {
  const times: Date[] = [];
  for (let due = dueAfter(timing, after); due !== null && times.length < count; due = dueAfter(timing, due))
    times.push(due);
  return times;
}

/** When a due time is taken: its jitter follows from the schedule and the time, so that all processes agree. */
export function runAt({ id, jitter_seconds }: Pick<Plan, 'id' | 'jitter_seconds'>, due: Date): Date {
  if (jitter_seconds === 0) return due;
  const digest = createHash('sha256').update(`${id} ${due.toISOString()}`).digest();
  return new Date(due.getTime() + (digest.readUIntBE(0, 6) % (jitter_seconds * 1_000 + 1)));
}

/** The place of a schedule in time. */
export type Place = { next_due_at: Date | null; next_run_at: Date | null };

/** Where it goes on after a time. */
export function placeAfter(plan: Plan, after: Date): Place {
  return placeAt(plan, dueAfter(plan, after));
}

function placeAt(plan: Plan, due: Date | null): Place {
  return { next_due_at: due, next_run_at: due && runAt(plan, due) };
}

/** What to do about a schedule whose time has come. */
export type Move = {
  /** The due time to propose now; null when the rule passes over all that were missed. */
  due: Date | null;
  /** The newest due time that this deals with. */
  last: Date;
  /** Due times were passed over: from this one on, before `last` or with it. */
  missedFrom: Date | null;
  place: Place;
};

/**
 * What the rule for missed times says about a schedule whose next due time has come. It proposes one at a time: where
 * several are to be proposed, the place after the first is the second of them.
 * @param next the schedule's next due time, which is to be taken at `now` or was before
 */
export function moveOf(plan: Plan, next: Date, now: Date): Move {
  const most = plan.missed === 'all' ? plan.missed_most : 1;
  // A few more, because the newest may still wait for their jitter, and none goes before another.
  const times = dueThrough(plan, now, most + 2).filter((due) => due >= next);
  const waiting = times.findIndex((due) => runAt(plan, due) > now);
  const come = waiting === -1 ? times : times.slice(0, waiting);
  const isInTime = (time: Date) => now.getTime() - runAt(plan, time).getTime() <= IN_TIME_MS;
  // Jitter can bring two within a minute; neither was missed.
  const atLeast = Math.max(most, come.filter(isInTime).length);
  // Where the rules of a time zone were changed meanwhile, what is due is no due time any more; it is taken all the same.
  const due = come.length === 0 ? [next] : come.slice(-atLeast);
  const [first = next, second] = due;
  const isTaken = plan.missed !== 'skip' || isInTime(first);
  return {
    due: isTaken ? first : null,
    last: first,
    missedFrom: first > next || !isTaken ? next : null,
    place: second === undefined ? placeAfter(plan, first) : placeAt(plan, second),
  };
}
