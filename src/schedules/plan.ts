import { AppError } from '../errors.ts';
import { checkCron, checkTimeZone } from './cron.ts';
import type { Plan, ScheduleChange, Timing } from './schema.ts';
import { nextDue } from './timing.ts';

/** What a schedule has that says nothing else. It is not due at any time yet. */
export const NO_PLAN: Omit<Plan, 'id'> = {
  cron: null,
  every_seconds: null,
  starts_at: null,
  at: null,
  timezone: 'UTC',
  missed: 'once',
  missed_most: 10,
  jitter_seconds: 0,
};

const KINDS = ['cron', 'every_seconds', 'at'] as const;
/** So many due times are looked at for whether jitter fits between them. */
const GAPS_LOOKED_AT = 20;

/**
 * A plan with what is changed of it, checked.
 * @param passedToo whether a new `at` may lie in the past: the schedule is over then
 * @throws AppError invalid_request
 */
export function mergePlan(before: Plan, change: ScheduleChange, now: Date, passedToo = false): Plan {
  const { id, missed, missed_most, jitter_seconds } = { ...before, ...change };
  const plan = { id, missed, missed_most, jitter_seconds, ...mergeTiming(before, change, now, passedToo) };
  requireFittingJitter(plan, now);
  return plan;
}

function mergeTiming(before: Timing, change: ScheduleChange, now: Date, passedToo: boolean): Timing {
  const given = KINDS.filter((kind) => change[kind] !== undefined);
  const [kind = KINDS.find((one) => before[one] !== null)] = given;
  if (given.length > 1) throw refused(`${given.join(' and ')} are given; give one of them`);
  if (kind === undefined) throw refused(`it says not when; give one of ${KINDS.join(', ')}`);
  if (change.starts_at !== undefined && kind !== 'every_seconds')
    throw refused(`starts_at goes with every_seconds, and this one has ${kind}`);
  const timezone = change.timezone ?? before.timezone;
  checkTimeZone(timezone);

  const timing: Timing = { cron: null, every_seconds: null, starts_at: null, at: null, timezone };
  if (kind === 'cron') timing.cron = checkCron(change.cron ?? before.cron ?? '', timezone);
  if (kind === 'at')
    timing.at = change.at === undefined ? before.at : timeOf(change.at, before, now, passedToo);
  if (kind === 'every_seconds') {
    timing.every_seconds = change.every_seconds ?? before.every_seconds ?? 0;
    timing.starts_at = startOf(timing.every_seconds, before, change, now);
  }
  return timing;
}

/** Another interval begins anew; the same one keeps the times it has. */
function startOf(everySeconds: number, before: Timing, { starts_at }: ScheduleChange, now: Date): Date {
  if (starts_at !== undefined) return new Date(starts_at);
  if (before.starts_at !== null && before.every_seconds === everySeconds) return before.starts_at;
  return new Date(now.getTime() + everySeconds * 1_000);
}

/** To say again what it has is fine, also when that has passed. */
function timeOf(at: string, before: Timing, now: Date, passedToo: boolean): Date {
  const time = new Date(at);
  if (passedToo || time > now || time.getTime() === before.at?.getTime()) return time;
  throw refused(`at is ${at}, which has passed; it is ${now.toISOString()} now`);
}

/** Jitter as long as the time between two due times would mix them up. */
function requireFittingJitter(plan: Plan, now: Date): void {
  if (plan.jitter_seconds === 0) return;
  const due = nextDue(plan, now, GAPS_LOOKED_AT);
  const gaps = due.slice(1).map((time, index) => time.getTime() - (due[index]?.getTime() ?? 0));
  const smallest = Math.min(...gaps) / 1_000;
  if (plan.jitter_seconds >= smallest)
    throw refused(
      `jitter_seconds is ${plan.jitter_seconds}, and two of its due times are ${smallest} s apart; give less than that`,
    );
}

function refused(why: string): AppError {
  return new AppError('invalid_request', `This schedule is not usable: ${why}.`);
}
