import { differences, isSame } from '../compare.ts';
import type { Findings } from '../findings.ts';
import type { LoggedEvent, Row, Rows } from '../schema.ts';
import { eventsBy, type Thread } from '../thread.ts';

/** Holds the rows of a thread against what replaying its events gives. */
export function checkRows(thread: Thread, findings: Findings): void {
  const { logged, stored, events } = thread;
  const tables = [
    ['proposal', logged.proposals, stored.proposals],
    ['mission', logged.missions, stored.missions],
    ['step', logged.steps, stored.steps],
  ] as const;
  for (const [entity, told, there] of tables)
    compareRows(entity, told, there, findings, () => eventsBy(events, entity));
  checkCalls(thread, findings);
}

export function compareRows(
  entity: string,
  logged: Rows,
  stored: Rows,
  findings: Findings,
  eventsOf: () => Map<string, LoggedEvent[]> = () => new Map(),
): void {
  findings.looked('log_is_state', Math.max(logged.size, stored.size));
  let events: Map<string, LoggedEvent[]> | undefined;
  for (const { id, what } of differences(logged, stored)) {
    events ??= eventsOf();
    findings.add('log_is_state', { entity, id }, what, events.get(id)?.slice(-3));
  }
}

/** What model calls cost is counted by rows of their own, so each has its event. */
function checkCalls({ events, stored }: Thread, findings: Findings): void {
  const told = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    if (event.kind !== 'model.called' || event.entity_id === null) continue;
    told.set(event.entity_id, [...(told.get(event.entity_id) ?? []), event]);
  }
  for (const [id, calls] of stored.calls) {
    const own = told.get(id) ?? [];
    findings.looked('log_is_state', calls.length);
    const isTold = (call: Row) =>
      own.some(({ payload }) =>
        Object.entries(call).every(([column, value]) =>
          isSame(value, (payload?.set as Row | undefined)?.[column]),
        ),
      );
    if (calls.length !== own.length || !calls.every(isTold))
      findings.add(
        'log_is_state',
        { entity: 'step', id },
        `${calls.length} model calls are stored, and ${own.length} events tell of them${calls.length === own.length ? ', otherwise' : ''}.`,
        own,
      );
  }
}
