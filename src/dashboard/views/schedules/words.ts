import type { Tone } from '../../ui/vocabulary.ts';
import type { Schedule } from './queries.ts';

export function sayMissed({ missed, missed_most }: Schedule): string {
  if (missed === 'skip') return 'are left out';
  return missed === 'once'
    ? 'become one proposal, for the newest'
    : `become proposals, the newest ${missed_most} at most`;
}

export function stateOf({ paused, next_due_at }: Schedule): { state: string; tone?: Tone } {
  if (paused) return { state: 'paused' };
  return next_due_at === null ? { state: 'over', tone: 'plain' } : { state: 'waiting', tone: 'info' };
}

/** By the clock of the schedule: `Mon, 23 Nov 2026, 08:00:00 CET` */
export function wallTime(at: string, timeZone: string): string {
  try {
    return new Date(at).toLocaleString('en-GB', {
      timeZone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    });
  } catch {
    // A time zone that the server knows and this browser does not.
    return at;
  }
}
