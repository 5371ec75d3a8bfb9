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

/** What model calls cost is counted by rows of their own, so each row has its event, and each event its row. */
function checkCalls({ events, stored }: Thread, findings: Findings): void {
  const told = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    if (event.kind !== 'model.called' || event.entity_id === null) continue;
    told.set(event.entity_id, [...(told.get(event.entity_id) ?? []), event]);
  }
  for (const [id, calls] of stored.calls) {
    const own = told.get(id) ?? [];
    const left = [...own];
    const untold = calls.filter((call) => {
      const at = left.findIndex((event) => tells(event, call));
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    findings.looked('log_is_state', calls.length);
    if (untold.length > 0 || left.length > 0)
      findings.add(
        'log_is_state',
        { entity: 'step', id },
        `Of its ${calls.length} model calls ${untold.length} are told by no event, and ${left.length} of ${own.length} events tell of none.`,
        left,
      );
  }
}

function tells({ at, payload }: LoggedEvent, call: Row): boolean {
  const set: Row = { ...(payload?.set as Row | undefined), created_at: at };
  return Object.entries(call).every(([column, value]) => isSame(column, value, set[column]));
}
