import type { Model } from './model.ts';
import type { Real } from './real.ts';

/** Does something to both, and fails where they differ. @returns whether anything has changed */
export type Act = (model: Model, real: Real, n: number) => Promise<boolean>;

export const pick = <T>(items: readonly T[], n: number): T | undefined =>
  items[n % Math.max(1, items.length)];

export const isHeld = ({ step, ref }: Real['claims'][number]) =>
  step.status === 'running' && step.claim === ref.claim_id;
/** Mostly a claim that holds, now and then one that is long lost. */
export const pickClaim = (real: Real, n: number) =>
  pick(n % 5 === 0 ? real.claims : real.claims.filter(isHeld), n >> 3);
/** Mostly one that holds something. */
export const pickHolder = (real: Real, n: number) => {
  const holders = real.workers.filter(({ id, alive }) =>
    real.claims.some((one) => alive && one.worker === id && isHeld(one)),
  );
  return (n % 5 === 0 ? undefined : pick(holders, n >> 3)) ?? pickWorker(real, n);
};
/** Mostly one that lives. */
export const pickWorker = (real: Real, n: number) =>
  pick(n % 5 === 0 ? real.workers : real.workers.filter(({ alive }) => alive), n >> 3);
