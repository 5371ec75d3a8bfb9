import type { Event } from './types.ts';

/** What a query is about: the first part of its key. */
export type Topic =
  | 'agents'
  | 'attention'
  | 'beats'
  | 'caps'
  | 'chain'
  | 'events'
  | 'files'
  | 'health'
  | 'keys'
  | 'loop'
  | 'missions'
  | 'policy'
  | 'proposals'
  | 'schedules'
  | 'stats'
  | 'steps'
  | 'workers';

/** What may be different after an event about such a thing. */
const TOUCHES: Record<string, readonly Topic[]> = {
  proposal: ['proposals', 'missions', 'loop', 'attention', 'stats', 'caps', 'files', 'agents', 'schedules'],
  mission: ['missions', 'proposals', 'loop', 'attention', 'stats', 'files'],
  step: ['steps', 'missions', 'loop', 'attention', 'stats', 'caps', 'workers'],
  artefact: ['files', 'loop', 'missions'],
  file: ['files', 'attention', 'health'],
  workspace: ['files', 'attention', 'health'],
  policy: ['policy', 'caps', 'attention', 'health', 'loop', 'files'],
  agent: ['agents'],
  schedule: ['schedules', 'health'],
  key: ['keys'],
  worker: ['workers', 'health', 'attention'],
  beat: ['beats', 'health', 'attention'],
  installation: ['health'],
  log: ['health'],
};

/** Figures that move with everything and are dear to count; a control room needs them every few seconds. */
export const SLOW: ReadonlySet<Topic> = new Set(['stats', 'caps', 'chain', 'files', 'health', 'agents']);

export function touchedBy({ entity }: Event): readonly Topic[] {
  // Every event is a link of the chain.
  return [...(TOUCHES[entity ?? ''] ?? []), 'chain'];
}
