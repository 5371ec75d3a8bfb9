import { makeRandom } from './lib/random.ts';

/** Faults of one lane come one after the other; those of different lanes overlap. */
export const LANES = ['processes', 'database', 'surroundings'] as const;
export type Lane = (typeof LANES)[number];

/** What the plan has to know of a fault. */
export type Kind = { name: string; lane: Lane; targets: readonly string[]; seconds: number };

/** One fault that is to strike: when after the start of the load, for how long, and whom. */
export type Planned = { name: string; lane: Lane; target: string; atSeconds: number; seconds: number };

/** Before the first fault, and after the last one, nothing is wrong. */
const CALM_SECONDS = 8;
const GAP = { least: 1, most: 4 };

/**
 * Which fault strikes when, whom, and for how long: a pure function of the seed. Every kind strikes once, in an
 * order of its own in each lane; what time is left is filled with more of them.
 * @throws RangeError when the time is too short for every kind
 */
export function makePlan(seed: number, minutes: number, kinds: readonly Kind[]): Planned[] {
  const end = minutes * 60 - CALM_SECONDS;
  return LANES.flatMap((lane, n) => {
    const random = makeRandom(seed * LANES.length + n);
    const own = kinds.filter((kind) => kind.lane === lane);
    const planned: Planned[] = [];
    let at = CALM_SECONDS;
    for (let round = 0; own.length > 0; round++) {
      for (const { name, seconds, targets } of random.shuffle(own)) {
        const target = random.pick(targets);
        const gap = GAP.least + random.next() * (GAP.most - GAP.least);
        if (at + seconds > end) {
          if (round > 0) return planned;
          throw new RangeError(
            `${minutes} minutes are too short for every fault; give ${leastMinutes(kinds)} or more, or leave some out with --without.`,
          );
        }
        planned.push({ name, lane, target, atSeconds: Math.round(at * 10) / 10, seconds });
        at += seconds + gap;
      }
    }
    return planned;
  }).sort((a, b) => a.atSeconds - b.atSeconds);
}

/** So many whole minutes are enough, whatever the seed. */
function leastMinutes(kinds: readonly Kind[]): number {
  const lanes = LANES.map((lane) =>
    kinds.filter((kind) => kind.lane === lane).reduce((sum, kind) => sum + kind.seconds + GAP.most, 0),
  );
  return Math.ceil((Math.max(...lanes) + 2 * CALM_SECONDS) / 60);
}
