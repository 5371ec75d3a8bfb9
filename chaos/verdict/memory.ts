import type { Finding } from './facts.ts';

/** Whatever a model sends, and however much of the log a reader has missed. */
export const MEMORY_LIMIT_BYTES = 1e9;

/** Programs that took more memory than a small machine has, and those that nobody has looked at. */
export function findBloated(peaks: ReadonlyMap<string, number>, programs: readonly string[]): Finding[] {
  return programs.flatMap((name) => {
    const bytes = peaks.get(name) ?? 0;
    const what = bytes === 0 ? 'was never measured' : `took ${Math.round(bytes / 1e6)} MB`;
    return bytes > 0 && bytes <= MEMORY_LIMIT_BYTES ? [] : [{ rule: 'memory', what: `${name} ${what}` }];
  });
}
