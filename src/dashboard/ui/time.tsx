import { useNow } from '../data/clock.ts';
import { sayDuration } from './duration.ts';

const EXACT: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'long' };

/** A moment as people say it, with the exact time in the viewer's zone on hover. */
export function Time({ at }: { at: string | null }) {
  const then = at === null ? Number.NaN : Date.parse(at);
  const age = useNow() - then;
  if (at === null || Number.isNaN(then)) return <span>never</span>;
  // Clocks of two machines never agree to the second.
  const words =
    Math.abs(age) < 2_000 ? 'just now' : age > 0 ? `${sayDuration(age)} ago` : `in ${sayDuration(-age)}`;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {words}
    </time>
  );
}

/** How long something has gone on. */
export function Since({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return null;
  return (
    <time dateTime={at} title={`since ${exactTime(at)}`}>
      {sayDuration(Math.max(0, now - Date.parse(at)))}
    </time>
  );
}

export function exactTime(at: string): string {
  return new Date(at).toLocaleString(undefined, EXACT);
}

/** `14:05:09`, for rows of a log; the day on hover. */
export function ClockTime({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exactTime(at)}>
      {new Date(at).toLocaleTimeString(undefined, { hour12: false })}
    </time>
  );
}
