import type { LoggedEvent, Row, Rows } from './schema.ts';

/** What the log says the tables hold, by entity. */
export type State = Map<string, Rows>;

/** Kinds that tell of a thing and change nothing of it. */
const TELLS_ONLY = new Set([
  'model.called',
  'step.late_result',
  'proposal.waiting',
  'key.signed_in',
  'key.signed_out',
]);
const REMOVES = new Set(['schedule.removed', 'webhook.removed', 'alert.cleared']);

export function rowsOf(state: State, entity: string): Rows {
  const rows = state.get(entity) ?? new Map<string, Row>();
  state.set(entity, rows);
  return rows;
}

/** Whether an event tells of a change. Of a workspace some tell only what was seen. */
export function isChange({ kind, entity, payload }: LoggedEvent): boolean {
  return !TELLS_ONLY.has(kind) && (entity !== 'workspace' || payload?.set !== undefined);
}

/** Does to the state what an event says was done to the tables. */
export function apply(state: State, event: LoggedEvent): void {
  const { kind, entity, entity_id: id, at } = event;
  const payload = event.payload ?? {};
  if (entity === null || id === null || !isChange(event)) return;
  const rows = rowsOf(state, entity);
  if (REMOVES.has(kind)) {
    rows.delete(id);
    return;
  }
  const row = rows.get(id) ?? { created_at: at };
  rows.set(id, row);
  if (entity === 'policy') {
    Object.assign(row, { value: payload.to, updated_by: byOf(payload) });
    return;
  }
  Object.assign(row, payload.set);
  if (kind === 'key.created') row.created_by = byOf(payload);
  if (kind === 'artefact.created') row.proposal_id = event.proposal_id;
  if (kind === 'key.revoked') row.revoked_at = at;
  if (kind === 'file.output_created') row.written_at = at;
  if (typeof payload.to === 'string') move(event, row, payload.to);
  if (kind === 'file.task_reopened') row.finished_at = null;
  if (kind === 'mission.created') addSteps(rowsOf(state, 'step'), event, row);
}

function byOf(payload: Row): unknown {
  return (payload.cause as { by?: unknown } | undefined)?.by;
}

function move({ entity, at, payload }: LoggedEvent, row: Row, to: string): void {
  row.status = to;
  if (entity === 'file' && to === 'finished') row.finished_at = at;
  if (entity === 'proposal' && (to === 'approved' || to === 'rejected')) row.decided_at = at;
  if (to === 'completed' || (to === 'failed' && payload?.final !== false)) row.completed_at = at;
  if (to === 'running') row.claimed_at = at;
  if (to === 'queued') row.worker_id = row.claim_id = row.claimed_at = null;
}

/** A mission's first event names its steps, which have no first events of their own. */
function addSteps(steps: Rows, { entity_id, at, payload }: LoggedEvent, mission: Row): void {
  const fresh = { attempt: 0, failures: 0, failure: null, output: null, status: 'queued' };
  const inherited = {
    mission_id: entity_id,
    agent_id: mission.agent_id,
    proposal_id: mission.proposal_id,
  };
  for (const { id, ...step } of stepsOf(payload))
    steps.set(String(id), { created_at: at, ...fresh, ...inherited, ...step });
}

export function stepsOf(payload: LoggedEvent['payload']): Row[] {
  return Array.isArray(payload?.steps) ? (payload.steps as Row[]) : [];
}
