import type { InferResponseType } from 'hono/client';
import type { Client } from '../../../client.ts';
import { humanDuration } from '../../../lib/time.ts';
import { dim, printFields, printLine, printTable } from '../../print.ts';

type Details = InferResponseType<Client['api']['api']['ops']['schedules'][':name']['$get'], 200>;
type Schedule = Details['schedule'];

export function stateOf({ paused, next_due_at }: Schedule): string {
  if (paused) return 'paused';
  return next_due_at === null ? 'over' : 'waiting';
}

/** `0 8 * * 1-5 Europe/Berlin`, `every 15 min`, `once, Thu 2026-12-24 12:00:00 GMT+1` */
export function sayTiming({ cron, every_seconds, at, timezone }: Schedule): string {
  if (cron !== null) return `${cron} ${timezone}`;
  if (every_seconds !== null) return `every ${humanDuration(every_seconds * 1_000)}`;
  return at === null ? '' : `once, ${wallTime(at, timezone)}`;
}

/** `Mon 2026-11-23 08:00:00 GMT+1, in 9 h`, by the clock of the schedule. */
export function sayDue(due: string, timezone: string): string {
  const left = Date.parse(due) - Date.now();
  return `${wallTime(due, timezone)}, ${left < 0 ? `${humanDuration(-left)} ago` : `in ${humanDuration(left)}`}`;
}

function wallTime(at: string, timezone: string): string {
  try {
    const parts = Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }).formatToParts(Date.parse(at));
    const part = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
    return `${part.weekday} ${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second} ${part.timeZoneName}`;
  } catch {
    // The server knows a time zone that this Node does not.
    return at;
  }
}

export function showDetails({ schedule, upcoming, proposals }: Details): void {
  const { timezone, missed, missed_most, jitter_seconds } = schedule;
  printFields({
    schedule: schedule.name,
    state: stateOf(schedule),
    when: sayTiming(schedule),
    agent: schedule.agent_id,
    kind: schedule.kind,
    title: schedule.title,
    priority: schedule.priority === 0 ? null : String(schedule.priority),
    missed: missed === 'all' ? `all, the newest ${missed_most} at most` : missed,
    jitter: jitter_seconds === 0 ? null : `up to ${humanDuration(jitter_seconds * 1_000)}`,
    last: schedule.last_due_at && sayDue(schedule.last_due_at, timezone),
  });
  if (upcoming.length > 0) printLine(dim('\nnext'));
  for (const due of upcoming) printLine(sayDue(due, timezone));
  if (proposals.length === 0) return;
  printLine();
  printTable(
    proposals,
    [
      { title: 'proposal', value: (row) => row.id },
      { title: 'status', value: (row) => (row.outcome ? `${row.status}, ${row.outcome}` : row.status) },
      { title: 'due', value: (row) => (row.run_at ? sayDue(row.run_at, timezone) : '') },
    ],
    '',
  );
}
