import type { Event } from '../../data/types.ts';

export const FILTER_NAMES = ['kind', 'entity', 'entity_id', 'proposal_id'] as const;
export type EventFilters = Partial<Record<(typeof FILTER_NAMES)[number], string>>;

/** Whether the server would list the event under these filters; a kind that ends with a dot is a group. */
export function matches({ kind, entity, entity_id, proposal_id }: EventFilters, event: Event): boolean {
  return (
    (kind === undefined || (kind.endsWith('.') ? event.kind.startsWith(kind) : event.kind === kind)) &&
    (entity === undefined || event.entity === entity) &&
    (entity_id === undefined || event.entity_id === entity_id) &&
    (proposal_id === undefined || event.proposal_id === proposal_id.toLowerCase())
  );
}
