import type { Kind } from '../plan.ts';
import type { Stage } from '../stage/stage.ts';

/** A fault that has begun. */
export type Strike = {
  /** Heals what the fault has broken. */
  end(): Promise<void>;
  /** What shows that it really struck; null when nothing does, or not yet. May be asked before and after the end. */
  evidence(): Promise<string | null> | string | null;
};

export type Fault = Kind & { strike(stage: Stage, target: string): Promise<Strike> };
