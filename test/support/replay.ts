import type { Database } from '../../src/db/database.ts';
import type { EventRow } from '../../src/events/schema.ts';

type Row = Record<string, unknown>;
type Tables = Record<
  | 'proposal'
  | 'mission'
  | 'step'
  | 'artefact'
  | 'policy'
  | 'agent'
  | 'key'
  | 'worker'
  | 'installation'
  | 'workspace'
  | 'file'
  | 'schedule',
  Map<string, Row>
>;

/** What the log says the tables hold. Large contents are their digests. */
export function replay(events: EventRow[]): Tables {
  const tables: Tables = {
    proposal: new Map(),
    mission: new Map(),
    step: new Map(),
    policy: new Map(),
    agent: new Map(),
    key: new Map(),
    worker: new Map(),
    artefact: new Map(),
    installation: new Map(),
    workspace: new Map(),
    file: new Map(),
    schedule: new Map(),
  };
  for (const event of events) {
    const table = tables[event.entity as keyof Tables];
    const payload = event.payload ?? {};
    if (!table || event.kind === 'model.called') continue;
    // What is told of a workspace or reported by others changes nothing here.
    if (event.entity === 'workspace' && !payload.set) continue;
    const id = event.entity_id ?? '';
    if (event.kind === 'schedule.removed') {
      table.delete(id);
      continue;
    }
    const row = table.get(id) ?? { created_at: event.created_at };
    table.set(id, row);
    if (event.entity === 'policy') {
      row.value = payload.to;
      continue;
    }
    Object.assign(row, payload.set);
    if (event.kind === 'file.task_reopened') row.finished_at = null;
    if (event.kind === 'key.revoked') row.revoked_at = event.created_at;
    if (event.kind === 'file.output_created') row.written_at = event.created_at;
    if (typeof payload.to === 'string') move(event, row, payload.to);
    if (event.kind === 'mission.created') {
      for (const { id: stepId, ...step } of payload.steps as Row[]) {
        const inherited = { mission_id: id, agent_id: row.agent_id, proposal_id: row.proposal_id };
        const fresh = { attempt: 0, failures: 0, failure: null, output: null, status: 'queued' };
        tables.step.set(String(stepId), { created_at: event.created_at, ...fresh, ...inherited, ...step });
      }
    }
  }
  return tables;
}

function move(event: EventRow, row: Row, to: string): void {
  const from = (event.payload ?? {}).from ?? null;
  if (event.entity === 'step' && from !== row.status)
    throw new Error(
      `${event.kind} of ${event.entity_id} comes from ${JSON.stringify(from)}, the log says ${JSON.stringify(row.status)}`,
    );
  row.status = to;
  if (event.entity === 'file' && to === 'finished') row.finished_at = event.created_at;
  if (event.entity === 'proposal' && (to === 'approved' || to === 'rejected'))
    row.decided_at = event.created_at;
  if (to === 'completed' || (to === 'failed' && event.payload?.final !== false))
    row.completed_at = event.created_at;
  if (to === 'running') row.claimed_at = event.created_at;
  if (to === 'queued') row.worker_id = row.claim_id = row.claimed_at = null;
}

/** What the tables hold, in the same form. */
export async function readTables(database: Database): Promise<Tables> {
  const read = async (sql: string) =>
    new Map((await database.query<Row>(sql)).map(({ _id, ...row }) => [String(_id), row]));
  return {
    proposal:
      await read(`select id as _id, created_at, agent_id, kind, title, ops_digest(body) as body, status,
      ops_digest(policy_snapshot::text) as policy_snapshot, decided_at, priority, run_at, created_by, cap_day, decision,
      ops_digest(original::text) as original, outcome, completed_at from ops_proposals`),
    mission:
      await read(`select id as _id, created_at, proposal_id, title, status, completed_at, agent_id, retry_of,
      failure from ops_missions`),
    step: await read(`select id as _id, created_at, mission_id, kind, title, ops_digest(input::text) as input,
      ops_digest(output::text) as output, status, worker_id, claimed_at, completed_at, position, agent_id,
      proposal_id, priority, claim_id, attempt, failures, max_failures, failure from ops_steps`),
    policy: await read('select key as _id, value from ops_policy'),
    agent: await read(
      'select agent_id as _id, created_at, display_name, model_override, role, config from ops_agent_config',
    ),
    key: await read(
      'select key_id as _id, created_at, name, scopes, agent_id, kinds, expires_at, revoked_at from ops_api_keys',
    ),
    artefact:
      await read(`select name as _id, created_at, step_id, file_id, ops_digest(content) as content, written_at
      from ops_artefacts`),
    installation: await read('select key as _id, value from ops_installation'),
    workspace: await read('select id as _id, path, mode, halted from ops_workspaces'),
    file: await read(`select id as _id, created_at, workspace_id, name, form, status, digest, inode, agent_id,
      proposal_id, parent_id, root_id, depth, after_id, result, output, note, finished_at from ops_files`),
    schedule:
      await read(`select name as _id, created_at, id, agent_id, kind, title, ops_digest(body) as body, priority,
      cron, every_seconds, starts_at, at, timezone, missed, missed_most, jitter_seconds, paused, next_due_at,
      next_run_at, last_due_at, last_proposal_id, version, created_by from ops_schedules`),
    worker: await read(`select worker_id as _id, host, pid, version, kinds, key_id,
      coalesce(ended_as, 'alive') as status from ops_workers`),
  };
}

/** The differences between log and tables, as sentences. Empty when replaying gives the tables. */
export function differences(logged: Tables, stored: Tables): string[] {
  const found: string[] = [];
  for (const name of Object.keys(stored) as (keyof Tables)[]) {
    for (const [id, row] of stored[name]) {
      const told = logged[name].get(id);
      if (!told) {
        found.push(`${name} ${id} is not in the log`);
        continue;
      }
      for (const [column, value] of Object.entries(row)) {
        const [is, was] = [JSON.stringify(value ?? null), JSON.stringify(told[column] ?? null)];
        if (canonical(is) !== canonical(was)) found.push(`${name} ${id} ${column}: table ${is}, log ${was}`);
      }
    }
    for (const id of logged[name].keys())
      if (!stored[name].has(id)) found.push(`${name} ${id} is only in the log`);
  }
  return found;
}

/** Times in events come as PostgreSQL writes them into JSON, members in the order of jsonb. */
function canonical(json: string): string {
  const sort = (value: unknown): unknown => {
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value).toISOString();
    if (Array.isArray(value)) return value.map(sort);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, child]) => [key, sort(child)]),
    );
  };
  return JSON.stringify(sort(JSON.parse(json)));
}
