import { apply, rowsOf, type State } from './replay.ts';
import type { StoredThreads } from './row-queries.ts';
import type { LoggedEvent, Row, Rows } from './schema.ts';

/** Everything of one proposal: what happened, what that gives, and what is stored. */
export type Thread = {
  id: string;
  events: LoggedEvent[];
  logged: { proposals: Rows; missions: Rows; steps: Rows };
  stored: StoredThreads;
};

/** Puts together what was read of some threads at one moment. */
export function* threadsOf(ids: string[], events: LoggedEvent[], stored: StoredThreads): Generator<Thread> {
  const eventsOf = new Map<string, LoggedEvent[]>(ids.map((id) => [id, []]));
  for (const event of events) eventsOf.get(event.proposal_id ?? '')?.push(event);
  const missions = split(stored.missions, (row) => row.proposal_id);
  const steps = split(stored.steps, (row) => stored.missions.get(String(row.mission_id))?.proposal_id);
  for (const id of ids) {
    const proposal = stored.proposals.get(id);
    const own = steps.get(id) ?? new Map<string, Row>();
    const told = eventsOf.get(id) ?? [];
    yield {
      id,
      events: told,
      logged: replayThread(told),
      stored: {
        proposals: new Map(proposal ? [[id, proposal]] : []),
        missions: missions.get(id) ?? new Map(),
        steps: own,
        around: stored.around,
        calls: new Map([...own.keys()].map((step) => [step, stored.calls.get(step) ?? []])),
      },
    };
  }
}

function replayThread(events: LoggedEvent[]): Thread['logged'] {
  const state: State = new Map();
  for (const event of events)
    if (event.entity === 'proposal' || event.entity === 'mission' || event.entity === 'step')
      apply(state, event);
  return {
    proposals: rowsOf(state, 'proposal'),
    missions: rowsOf(state, 'mission'),
    steps: rowsOf(state, 'step'),
  };
}

function split(rows: Rows, threadOf: (row: Row) => unknown): Map<string, Rows> {
  const threads = new Map<string, Rows>();
  for (const [id, row] of rows) {
    const thread = String(threadOf(row));
    const own = threads.get(thread) ?? new Map<string, Row>();
    threads.set(thread, own.set(id, row));
  }
  return threads;
}

/** The events of each step, and of each other thing, in their order. */
export function eventsBy(events: LoggedEvent[], entity: string): Map<string, LoggedEvent[]> {
  const found = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    if (event.entity !== entity || event.entity_id === null) continue;
    const own = found.get(event.entity_id) ?? [];
    own.push(event);
    found.set(event.entity_id, own);
  }
  return found;
}
