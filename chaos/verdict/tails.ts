import type { Seen } from '../clients/tails.ts';
import type { Finding } from './facts.ts';

/**
 * A reader sees every event of the sealed log exactly once, in its order.
 * @param throughSeq how far it had the time to read
 */
export function findTailBreaks(
  tail: { name: string; seen: readonly Seen[] },
  log: readonly Seen[],
  throughSeq: number,
): Finding[] {
  const wrong = tail.seen.findIndex((event, place) => {
    const sealed = log[place];
    return event.seq !== sealed?.seq || event.id !== sealed.id;
  });
  const what = (text: string) => [{ rule: 'tails', what: `${tail.name} ${text}` }];
  const words = (event: Seen | undefined) => (event ? `place ${event.seq} (event ${event.id})` : 'nothing');
  if (wrong >= 0)
    return what(
      `saw ${words(tail.seen[wrong])} after ${words(tail.seen[wrong - 1])}; the log has ${words(log[wrong])} there`,
    );
  if (tail.seen.length < throughSeq)
    return what(
      `saw ${tail.seen.length} of ${throughSeq} events, and nothing after ${words(tail.seen.at(-1))}`,
    );
  return [];
}
