import type { Struck } from '../faults/strike-all.ts';
import { type Facts, setOf } from './facts.ts';

/** From a fault's end to the next step that was completed; null when none was. */
export function firstStepAfter(log: Facts['log'], endedAt: number): number | null {
  const next = log.find(
    ({ kind, created_at }) => kind === 'step.completed' && created_at.getTime() > endedAt,
  );
  return next ? next.created_at.getTime() - endedAt : null;
}

export type Rerun = {
  fault: string;
  target: string;
  /** Steps that the struck process held, and that somebody claimed again. */
  steps: number;
  /** From the stroke to the claim of the last of them. */
  slowestMs: number;
  /** Whether the database was there for as long as that may take: when it comes back, every lease begins anew. */
  undisturbed: boolean;
};

/** A dead worker's steps run again within this time, where the database is there. */
export const RERUN_LIMIT_MS = 20_000;

/** What takes a process from its steps. */
export const STROKES = [
  'kill-worker',
  'kill-server',
  'kill-http-worker',
  'freeze-worker',
  'freeze-server',
  'freeze-http-worker',
];
/** So long after its restart the database has just been away. */
const AFTERMATH_MS = 15_000;

/** How soon the steps of dead and frozen processes were running again. */
export function findReruns(log: Facts['log'], struck: readonly Struck[]): Rerun[] {
  return struck.flatMap((fault) => {
    if (!STROKES.includes(fault.name)) return [];
    const waits = waitsAfter(log, fault.target, fault.beganAt);
    if (waits.length === 0) return [];
    const slowestMs = Math.max(...waits);
    // What comes later does not excuse a step that should have been running by then.
    const until = fault.beganAt + Math.min(slowestMs, RERUN_LIMIT_MS);
    const undisturbed = !struck.some(
      (other) =>
        other.target === 'postgres' && other.beganAt < until && other.endedAt + AFTERMATH_MS > fault.beganAt,
    );
    return [{ fault: fault.name, target: fault.target, steps: waits.length, slowestMs, undisturbed }];
  });
}

/** Of each step that workers of this name held then: how long until it was claimed again. */
function waitsAfter(log: Facts['log'], name: string, at: number): number[] {
  const held = new Map<string, number>();
  const waits: number[] = [];
  for (const event of log) {
    const time = event.created_at.getTime();
    const id = event.entity_id ?? '';
    if (time <= at) {
      if (event.kind === 'step.started' && String(setOf(event, 'worker_id')).startsWith(`${name}-`))
        held.set(id, time);
      else if (event.kind.startsWith('step.')) held.delete(id);
    } else if (event.kind === 'step.started' && held.delete(id)) waits.push(time - at);
    // What ends without another attempt is not run again: it was done just before, or its mission was cancelled.
    else if (
      event.kind === 'step.completed' ||
      (event.kind === 'step.failed' && event.payload?.final !== false)
    )
      held.delete(id);
  }
  return waits;
}

/** Of those that are held against the limit, the ones that took longer. */
export function tooSlow(reruns: readonly Rerun[]): Rerun[] {
  return reruns.filter(({ undisturbed, slowestMs }) => undisturbed && slowestMs > RERUN_LIMIT_MS);
}
