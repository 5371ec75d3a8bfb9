import type { Db } from '../db/database.ts';
import type { Row, Rows } from './schema.ts';

/** What no event tells of a step, and what it left outside its row. */
export type StepAround = {
  /** It can be claimed. */
  ready: boolean;
  /** Else when it will be; null when nothing says so. */
  available_at: string | null;
  /** The artefact that its output names, and the one that is there. */
  published: string | null;
  artefact: string | null;
};
export type StoredThreads = {
  proposals: Rows;
  missions: Rows;
  steps: Rows;
  around: Map<string, StepAround>;
  calls: Map<string, Row[]>;
};

/** The rows of some threads. */
export async function selectThreadRows(db: Db, threads: string[]): Promise<StoredThreads> {
  const proposals = await rows(
    db,
    `select id as thing, created_at, agent_id, kind, title, ops_digest(body) as body, status,
       ops_digest(policy_snapshot::text) as policy_snapshot, decided_at, priority, run_at, created_by, cap_day,
       decision, ops_digest(original::text) as original, outcome, completed_at, traceparent
     from ops_proposals where id = any($1::uuid[])`,
    threads,
  );
  const missions = await rows(
    db,
    `select id as thing, created_at, proposal_id, title, status, completed_at, agent_id, retry_of, failure
     from ops_missions where proposal_id = any($1::uuid[])`,
    threads,
  );
  const steps = await rows(
    db,
    `select s.id as thing, s.created_at, mission_id, kind, title, ops_digest(input::text) as input,
       ops_digest(output::text) as output, status, worker_id, claimed_at, completed_at, position, agent_id,
       s.proposal_id, priority, claim_id, attempt, failures, max_failures, failure
     from ops_steps s where mission_id = any($1::uuid[])`,
    [...missions.keys()],
  );
  const around = await db.query<StepAround & { id: string }>(
    `select s.id, ready, to_jsonb(available_at) as available_at, output ->> 'artefact' as published, a.name as artefact
     from ops_steps s left join ops_artefacts a on a.step_id = s.id where s.id = any($1::uuid[])`,
    [[...steps.keys()]],
  );
  const calls = await db.query<{ step_id: string; call: Row }>(
    `select step_id, to_jsonb(c) - 'id' - 'step_id' as call from ops_llm_calls c
     where step_id = any($1::uuid[]) order by id`,
    [[...steps.keys()]],
  );
  const callsOf = new Map<string, Row[]>();
  for (const { step_id, call } of calls) callsOf.set(step_id, [...(callsOf.get(step_id) ?? []), call]);
  return {
    proposals,
    missions,
    steps,
    around: new Map(around.map(({ id, ...rest }) => [id, rest])),
    calls: callsOf,
  };
}

async function rows(db: Db, select: string, ids: string[]): Promise<Rows> {
  const found = await db.query<{ row: Row & { thing: string } }>(
    `select to_jsonb(r) as row from (${select}) as r`,
    [ids],
  );
  return new Map(found.map(({ row: { thing, ...row } }) => [thing, row]));
}

/** The tables that are replayed as a whole, by what their events are about. */
export const OTHER_TABLES: Record<string, { from: string; key: string; columns: string }> = {
  policy: { from: 'ops_policy', key: 'key', columns: 'value, updated_by' },
  agent: {
    from: 'ops_agent_config',
    key: 'agent_id',
    columns: 'created_at, display_name, model_override, role, config',
  },
  key: {
    from: 'ops_api_keys',
    key: 'key_id',
    columns: `created_at, created_by, ops_digest(encode(secret_hash, 'hex')) as secret, name, scopes, agent_id, kinds,
      expires_at, revoked_at`,
  },
  worker: {
    from: 'ops_workers',
    key: 'worker_id',
    columns: "host, pid, version, kinds, key_id, coalesce(ended_as, 'alive') as status",
  },
  installation: { from: 'ops_installation', key: 'key', columns: 'value' },
  workspace: { from: 'ops_workspaces', key: 'id', columns: 'path, mode, halted' },
  file: {
    from: 'ops_files',
    key: 'id',
    columns: `created_at, workspace_id, name, form, status, digest, inode, agent_id, proposal_id, parent_id, root_id,
      depth, after_id, result, output, note, finished_at`,
  },
  artefact: {
    from: 'ops_artefacts',
    key: 'name',
    columns: 'created_at, proposal_id, step_id, file_id, ops_digest(content) as content, written_at',
  },
  schedule: {
    from: 'ops_schedules',
    key: 'name',
    columns: `created_at, id, agent_id, kind, title, ops_digest(body) as body, priority, cron, every_seconds,
      starts_at, at, timezone, missed, missed_most, jitter_seconds, paused, next_due_at, next_run_at, last_due_at,
      last_proposal_id, version, created_by`,
  },
  webhook: {
    from: 'ops_webhooks',
    key: 'webhook_id',
    columns: 'name, url, template, options, topics, agents, links_by, paused',
  },
  // The reminders of what waits for a decision are counted there, and have events of their own threads.
  alert: {
    from: "(select * from ops_alerts where key not like 'waiting:%') as a",
    key: 'key',
    columns: 'topic, message',
  },
};

/** The next rows of such a table in the order of its key. */
export async function selectOtherRows(
  db: Db,
  entity: string,
  after: string | null,
  limit: number,
): Promise<Rows> {
  const { from, key, columns } = OTHER_TABLES[entity] ?? { from: '', key: '', columns: '' };
  const type = key === 'id' || key === 'webhook_id' ? 'uuid' : 'text';
  const found = await db.query<{ row: Row & { thing: string } }>(
    `select to_jsonb(r) as row from (
       select ${key} as thing, ${columns} from ${from}
       where $1::${type} is null or ${key} > $1::${type} order by ${key} limit $2) as r`,
    [after, limit],
  );
  return new Map(found.map(({ row: { thing, ...row } }) => [thing, row]));
}
