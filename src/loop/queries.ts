import type { Db } from '../db/database.ts';
import type { Policy } from '../policy/schema.ts';
import type { MissionRow } from '../missions/schema.ts';
import type { Decision, ProposalRow } from '../proposals/schema.ts';
import type { StepRow } from '../steps/schema.ts';

/** Everything a decision rests on, read in the decision's own transaction. */
export type Ground = {
  policy: Record<string, unknown>;
  agents: string[];
  day: string;
  resets_at: Date;
  /** What the counters were before. */
  used: Record<string, number>;
};

/** What an agent's proposals add to one counter. */
export type Count = { agentId: string; scope: string; n: number };

/**
 * Reads it, and adds to the day's counters, for agents that are known. Their rows stay locked until the commit, in the order of their
 * scopes, which is what makes caps exact and deadlocks impossible.
 */
export async function takeGround(tx: Db, adds: Count[]): Promise<Ground> {
  const [row] = await tx.query<Ground>(
    `with rules as (select jsonb_object_agg(key, value) as policy from ops_policy),
     zone as (select coalesce(policy -> 'daily_caps' ->> 'timezone', 'UTC') as name from rules),
     known as materialized (select agent_id from ops_agent_config where agent_id = any($1::text[])),
     given as materialized (
       select scope, sum(n) as n from unnest($1::text[], $2::text[], $3::bigint[]) as given(agent_id, scope, n)
       where agent_id in (select agent_id from known) group by scope),
     today as (select (now() at time zone name)::date as day from zone),
     counted as (
       insert into ops_counters as c (day, scope, used)
       select day, scope, n from today, given order by scope
       on conflict (day, scope) do update set used = c.used + excluded.used
       returning scope, used)
     select policy, day, (day + 1)::timestamp at time zone zone.name as resets_at,
            array(select agent_id from known) as agents,
            coalesce((select jsonb_object_agg(scope, used - n) from counted join given using (scope)), '{}') as used
     from rules, zone, today`,
    [adds.map((one) => one.agentId), adds.map((one) => one.scope), adds.map((one) => one.n)],
    'opsloop_ground',
  );
  if (!row) throw new Error('the database gave no ground for a decision');
  return row;
}

/** Gives back what was counted and not admitted. Their rows are locked already. */
export async function giveBack(tx: Db, day: string, counted: Count[]): Promise<void> {
  await tx.query(
    `with given as materialized (
       select scope, sum(n) as n from unnest($2::text[], $3::bigint[]) as given(scope, n) group by scope)
     update ops_counters c set used = c.used - given.n from given where c.day = $1::date and c.scope = given.scope`,
    [day, counted.map((one) => one.scope), counted.map((one) => one.n)],
  );
}

export type NewProposal = Pick<
  ProposalRow,
  | 'id'
  | 'agent_id'
  | 'kind'
  | 'title'
  | 'body'
  | 'status'
  | 'priority'
  | 'run_at'
  | 'created_by'
  | 'cap_day'
  | 'decision'
  | 'traceparent'
>;

/** Stores proposals in their first state, with the events of how they got there. */
export async function insertProposals(
  tx: Db,
  proposals: NewProposal[],
  policy: Policy,
): Promise<ProposalRow[]> {
  // Only what we do not know comes back: a policy for each row would cost more than the row.
  const stored = await tx.query<Pick<ProposalRow, 'id' | 'created_at' | 'decided_at'>>(
    `with given as materialized (
       select * from rows from (jsonb_to_recordset($1::jsonb) as
         (id uuid, agent_id text, kind text, title text, body text, status text, priority smallint,
          run_at timestamptz, created_by text, cap_day date, decision jsonb,
          traceparent text)) with ordinality),
     stored as (
       insert into ops_proposals (id, agent_id, kind, title, body, status, policy_snapshot, decided_at,
                                  priority, run_at, created_by, cap_day, decision, traceparent)
       select id, agent_id, kind, title, body, status, $2::jsonb, case when status <> 'pending' then now() end,
              priority, run_at, created_by, cap_day, decision, traceparent
       from given order by ordinality
       returning *),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select e.kind, 'proposals', 'proposal', s.id::text, s.id, e.payload
       from stored s join given using (id), lateral (values
         (1, 'proposal.created', jsonb_build_object('from', null, 'to', 'pending',
            'cause', jsonb_build_object('by', s.created_by),
            'set', jsonb_build_object('agent_id', s.agent_id, 'kind', s.kind, 'title', s.title,
              'body', ops_digest(s.body), 'priority', s.priority, 'run_at', s.run_at,
              'cap_day', s.cap_day, 'created_by', s.created_by,
              'policy_snapshot', ops_digest(s.policy_snapshot::text), 'decision', s.decision,
              'traceparent', s.traceparent))),
         (2, 'proposal.' || s.status, jsonb_build_object('from', 'pending', 'to', s.status,
            'cause', jsonb_build_object('by', s.decision ->> 'by', 'reason', s.decision ->> 'reason'),
            'set', jsonb_build_object('decision', s.decision)))
         ) as e(n, kind, payload)
       where e.n = 1 or s.status <> 'pending'
       order by given.ordinality, e.n)
     select id, created_at, decided_at from stored`,
    [JSON.stringify(proposals), JSON.stringify(policy)],
    'opsloop_propose',
  );
  const timesOf = new Map(stored.map((row) => [row.id, row]));
  return proposals.map((given) => ({
    ...given,
    policy_snapshot: policy,
    created_at: timesOf.get(given.id)?.created_at ?? null,
    decided_at: timesOf.get(given.id)?.decided_at ?? null,
    original: null,
    outcome: null,
    completed_at: null,
  }));
}

export type NewMission = Pick<MissionRow, 'id' | 'proposal_id' | 'title' | 'agent_id' | 'retry_of'> & {
  by: string;
};
export type NewStep = Pick<
  StepRow,
  | 'id'
  | 'mission_id'
  | 'kind'
  | 'title'
  | 'input'
  | 'position'
  | 'agent_id'
  | 'proposal_id'
  | 'priority'
  | 'ready'
  | 'max_failures'
> & {
  /** If this is still to come, the step becomes ready then. */
  wanted_at: Date | null;
};

/** Stores missions with their steps; one event tells of a mission and all its steps. */
export async function insertMissions(
  tx: Db,
  missions: NewMission[],
  steps: NewStep[],
): Promise<{ missions: MissionRow[]; steps: StepRow[] }> {
  const stored = await tx.query<Pick<StepRow, 'id' | 'created_at' | 'queue_no' | 'ready' | 'available_at'>>(
    `with given as materialized (
       select * from rows from (jsonb_to_recordset($1::jsonb) as
         (id uuid, proposal_id uuid, title text, agent_id text, retry_of uuid, by text)) with ordinality),
     m as (
       insert into ops_missions (id, proposal_id, title, status, agent_id, retry_of)
       select id, proposal_id, title, 'active', agent_id, retry_of from given order by ordinality
       returning *),
     s as (
       insert into ops_steps (id, mission_id, kind, title, input, status, position, agent_id, proposal_id,
                              priority, ready, available_at, max_failures)
       select id, mission_id, kind, title, input, 'queued', position, agent_id, proposal_id, priority,
              ready and available_at is null, available_at, max_failures
       from rows from (jsonb_to_recordset($2::jsonb) as
         (id uuid, mission_id uuid, kind text, title text, input jsonb, position smallint, agent_id text,
          proposal_id uuid, priority smallint, ready boolean, wanted_at timestamptz, max_failures integer))
         with ordinality, lateral (
           select case when wanted_at > clock_timestamp() then wanted_at end as available_at) as time
       order by ordinality
       returning *),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'mission.created', 'missions', 'mission', given.id::text, given.proposal_id,
         jsonb_build_object('from', null, 'to', 'active', 'cause', jsonb_build_object('by', given.by),
           'set', jsonb_build_object('proposal_id', given.proposal_id, 'title', given.title,
             'agent_id', given.agent_id, 'retry_of', given.retry_of),
           'steps', (select jsonb_agg(jsonb_build_object('id', s.id, 'kind', s.kind, 'title', s.title,
               'position', s.position, 'priority', s.priority, 'input', ops_digest(s.input::text),
               'max_failures', s.max_failures) order by s.position)
             from s where s.mission_id = given.id))
       from given order by given.ordinality)
     select id, created_at, queue_no, ready, available_at from s`,
    [JSON.stringify(missions), JSON.stringify(steps)],
    'opsloop_missions',
  );
  // Every mission has a step, and all rows of a transaction have one time.
  const rows = missions.map(({ by: _by, ...given }) => ({
    ...given,
    status: 'active' as const,
    created_at: stored[0]?.created_at ?? null,
    completed_at: null,
    failure: null,
  }));
  const storedOf = new Map(stored.map((row) => [row.id, row]));
  return {
    missions: rows,
    steps: steps.map(({ wanted_at: _wanted, ...given }): StepRow => {
      const row = storedOf.get(given.id);
      if (!row) throw new Error(`step ${given.id} was not stored`);
      return { ...UNTOUCHED, ...given, ...row };
    }),
  };
}

/** A step that nobody has claimed yet. */
const UNTOUCHED = {
  output: null,
  status: 'queued',
  worker_id: null,
  claimed_at: null,
  completed_at: null,
  claim_id: null,
  attempt: 0,
  failures: 0,
  failure: null,
} as const;

/** Decides a pending proposal; null when it is not pending (any more). */
export async function decidePending(
  tx: Db,
  given: {
    id: string;
    status: 'approved' | 'rejected';
    decision: Pick<Decision, 'by' | 'action' | 'reason'>;
    edit: { title: string; body: string | null } | null;
  },
): Promise<ProposalRow | null> {
  const [row] = await tx.query<ProposalRow>(
    `with decided as (
       update ops_proposals set status = $2, decided_at = now(),
         decision = coalesce(decision, '{}') || $3::jsonb,
         original = case when $4::jsonb is not null then jsonb_build_object('title', title, 'body', body) end,
         title = coalesce($4::jsonb ->> 'title', title),
         body = case when $4::jsonb is not null then $4::jsonb ->> 'body' else body end
       where id = $1 and status = 'pending'
       returning *),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'proposal.' || status, 'proposals', 'proposal', id::text, id,
         jsonb_build_object('from', 'pending', 'to', status,
           'cause', jsonb_build_object('by', decision ->> 'by', 'reason', decision ->> 'reason'),
           'set', jsonb_build_object('decision', decision, 'title', title, 'body', ops_digest(body),
             'original', ops_digest(original::text)))
       from decided)
     select * from decided`,
    [given.id, given.status, JSON.stringify(given.decision), given.edit ? JSON.stringify(given.edit) : null],
  );
  return row ?? null;
}

/**
 * The task file behind a proposal that is tried again is open again: its end will be written once more. False
 * while the first end is still being written.
 */
export async function reopenFile(tx: Db, proposalId: string, by: string): Promise<boolean> {
  const [file] = await tx.query<{ status: string }>(
    'select status from ops_files where proposal_id = $1 for update',
    [proposalId],
  );
  if (file !== undefined && file.status !== 'finished') return false;
  await tx.query(
    `with reopened as (
       update ops_files set status = 'taken', finished_at = null
       where proposal_id = $1 and status = 'finished' and result = 'failed' returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'file.task_reopened', 'files', 'file', id::text, proposal_id, jsonb_build_object('from', 'finished',
       'to', 'taken', 'cause', jsonb_build_object('by', $2::text), 'filename', name, 'dir', 'inbox')
     from reopened`,
    [proposalId, by],
  );
  return true;
}
