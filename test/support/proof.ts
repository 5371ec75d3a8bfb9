import { appendFileSync } from 'node:fs';

/**
 * The tests in test/proof show at which size a promise was held. The same tests run in three sizes: a hundredth in
 * `npm test`, where that is quick, a tenth in `npm run test:long`, and the whole in `npm run prove`, which prints the figures.
 */
const SHARE = Number(process.env.OPSLOOP_PROOF ?? '0.01');

/** How many of the full number this run does. */
export function partOf(full: number, least = 1): number {
  return Math.max(least, Math.round(full * SHARE));
}

/** Keeps a figure for the table of docs/reliability.md, where the run wants one. */
export function figure(promise: string, wanted: string, measured: string): void {
  const file = process.env.OPSLOOP_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify({ promise, wanted, measured })}\n`);
}

/** "1,000,000". */
export const count = (n: number): string => n.toLocaleString('en');
