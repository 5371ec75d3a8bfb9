import { countOutcomes, type Entry } from '../clients/history.ts';
import type { Facts } from './facts.ts';
import { type Rerun, STROKES } from './recovery.ts';

/** So many of each must succeed in every minute of load; a run with fewer has shown too little. */
export const LEAST_PER_MINUTE: Record<string, number> = {
  propose: 40,
  approve: 1,
  reject: 0.5,
  cancel: 1,
  retry: 0.3,
  'set-policy': 10,
  complete: 5,
};
const LEAST_STEPS_PER_MINUTE = 40;

/** Why the run shows too little: faults that did not strike, and operations that hardly happened. */
export function findTrivial(given: {
  struck: readonly { name: string; target: string; evidence: string | null }[];
  entries: readonly Entry[];
  log: Facts['log'];
  reruns: readonly Rerun[];
  minutes: number;
}): string[] {
  const counts = countOutcomes(given.entries);
  const steps = given.log.filter(({ kind }) => kind === 'step.completed').length;
  const few = (what: string, found: number, perMinute: number) => {
    const least = Math.max(1, Math.floor(perMinute * given.minutes));
    return found < least ? [`${what}: only ${found} succeeded, and ${least} are the least`] : [];
  };
  // Without one the time within which they must run again was held against nothing.
  const isTimed =
    given.reruns.some(({ undisturbed }) => undisturbed) ||
    !given.struck.some(({ name }) => STROKES.includes(name));
  return [
    ...given.struck
      .filter(({ evidence }) => evidence === null)
      .map(({ name, target }) => `${name} on ${target} did not strike`),
    ...Object.entries(LEAST_PER_MINUTE).flatMap(([f, least]) => few(f, counts.get(f)?.ok ?? 0, least)),
    ...(isTimed ? [] : ['no step of a dead or frozen process ran again while the database was there']),
    ...few('completed steps', steps, LEAST_STEPS_PER_MINUTE),
  ];
}
