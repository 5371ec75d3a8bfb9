import { readFileSync } from 'node:fs';
import type { Actor } from './actor.ts';

const EVERY_MS = 500;

/** The most memory that each program has had so far, in bytes, by its name. Goes on until the run ends. */
export function watchMemory(actors: Iterable<Actor>): ReadonlyMap<string, number> {
  const all = [...actors];
  const peaks = new Map<string, number>();
  const look = () => {
    for (const actor of all) peaks.set(actor.name, Math.max(peaks.get(actor.name) ?? 0, peakOf(actor.pid())));
  };
  look();
  setInterval(look, EVERY_MS).unref();
  return peaks;
}

/** Linux keeps the peak of what was resident itself, so that no peak falls between two looks; 0 of what is no more. */
function peakOf(pid: number): number {
  try {
    const [, kilobytes = '0'] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1_024;
  } catch {
    return 0;
  }
}
