import type { EventRow } from '../../src/events/schema.ts';

/** What is wrong, by which rule. */
export type Finding = { rule: string; what: string };

/** What the database holds when everything is over. */
export type Facts = {
  /** The sealed log, in its order. */
  log: Pick<EventRow, 'seq' | 'id' | 'kind' | 'entity_id' | 'payload' | 'created_at'>[];
  proposals: { id: string; title: string; status: string; outcome: string | null }[];
  missions: { id: string; status: string; retry_of: string | null; failure: { class: string } | null }[];
  steps: { id: string; status: string; claim_id: string | null; attempt: number }[];
  artefacts: { name: string; content: string; written: boolean }[];
};

/** A member of what a change has set. */
export function setOf(event: Facts['log'][number], name: string): unknown {
  return (event.payload?.set as Record<string, unknown> | undefined)?.[name];
}
