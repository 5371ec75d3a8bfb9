import type { Database, Db } from '../db/database.ts';
import type { Findings } from './findings.ts';
import { selectLastEventId, selectOtherEvents } from './queries.ts';
import { OTHER_TABLES, selectOtherRows } from './row-queries.ts';
import { apply, isChange, rowsOf, type State } from './replay.ts';
import { watchDueTimes } from './rules/done-once.ts';
import { followMoves } from './rules/legal-moves.ts';
import { compareRows } from './rules/log-is-state.ts';
import type { LoggedEvent, Rows } from './schema.ts';

const IDS_AT_ONCE = 50_000;
const ROWS_AT_ONCE = 500;

type Given = { findings: Findings; signal?: AbortSignal | undefined };

/**
 * Replays what belongs to no proposal (policy, agents, keys, workers, schedules, …) and what is told in the threads of
 * several (files and artefacts), all of one moment. Returns how many events there were.
 */
export function checkOthers(database: Database, given: Given): Promise<number> {
  return database.snapshot(async (tx) => {
    const state: State = new Map();
    const events = await replayOthers(tx, state, given);
    for (const entity of Object.keys(OTHER_TABLES)) await compareTable(tx, state, entity, given);
    return events;
  });
}

async function replayOthers(tx: Db, state: State, { findings, signal }: Given): Promise<number> {
  const moves = followMoves(findings);
  const places = new Map<string, Place>();
  const seeDueTime = watchDueTimes(findings);
  const last = await selectLastEventId(tx);
  let count = 0;
  for (let after = 0; after < last; after += IDS_AT_ONCE) {
    signal?.throwIfAborted();
    for (const event of await selectOtherEvents(tx, after, after + IDS_AT_ONCE)) {
      count++;
      if (isOfThread(event)) {
        const about = { entity: event.entity ?? '', id: event.entity_id ?? '' };
        findings.add('log_is_state', about, 'An event of it belongs to no proposal.', [event]);
        continue;
      }
      checkOrder(places, event, findings);
      moves.follow(event);
      seeDueTime(event);
      apply(state, event);
    }
  }
  return count;
}

/** Of an event what a finding names: of each thing one is remembered. */
type Place = Pick<LoggedEvent, 'seq' | 'id' | 'kind'>;

function isOfThread({ entity }: LoggedEvent): boolean {
  return entity === 'proposal' || entity === 'mission' || entity === 'step';
}

/** They are replayed by ids, which for one thing are in the order of its changes: each locked its row. */
function checkOrder(places: Map<string, Place>, event: LoggedEvent, findings: Findings): void {
  if (!isChange(event)) return;
  const name = `${event.entity} ${event.entity_id}`;
  const before = places.get(name);
  if (before !== undefined && (before.seq ?? Infinity) > (event.seq ?? Infinity))
    findings.add(
      'sealed',
      { entity: event.entity ?? '', id: event.entity_id ?? '' },
      'Its events were sealed in another order than they happened.',
      [before, event],
    );
  places.set(name, { seq: event.seq, id: event.id, kind: event.kind });
}

async function compareTable(tx: Db, state: State, entity: string, { findings }: Given): Promise<void> {
  const logged = rowsOf(state, entity);
  for (let after: string | null = null; ; ) {
    const stored: Rows = await selectOtherRows(tx, entity, after, ROWS_AT_ONCE);
    const last = [...stored.keys()].at(-1);
    const told: Rows = new Map(
      [...stored.keys()].flatMap((id) => {
        const row = logged.get(id);
        return row ? [[id, row] as const] : [];
      }),
    );
    compareRows(entity, told, stored, findings);
    for (const id of stored.keys()) logged.delete(id);
    if (last === undefined) break;
    after = last;
  }
  compareRows(entity, logged, new Map(), findings);
}
