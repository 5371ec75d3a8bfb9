-- The closed loop: proposal -> policy -> mission -> steps -> events.
-- The seven tables of the specification keep its names, columns, types and nullability; whatever is added
-- says why in a comment on the column or table.

-- ---------------------------------------------------------------- helpers

create function ops_digest(content text) returns text
  language sql immutable strict parallel safe
  return 'sha256:' || encode(sha256(convert_to(content, 'UTF8')), 'hex');
comment on function ops_digest is 'Stands for a large content in an event. Computed here, because re-serialised JSON has other bytes.';

create function ops_refuse_transition() returns trigger language plpgsql as $$
begin
  raise exception 'illegal transition of % %: % -> %', tg_table_name, old.id, old.status, new.status
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name;
end $$;

create function ops_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: the event log is append-only', lower(tg_op), tg_table_name
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name;
end $$;

-- ---------------------------------------------------------------- ops_agent_config

create table ops_agent_config (
  agent_id text primary key,
  display_name text,
  model_override text,
  role text,
  config jsonb,
  created_at timestamptz default now()
);
comment on column ops_agent_config.model_override is 'A bare model name of Ollama, or provider:model. Never a URL.';

-- ---------------------------------------------------------------- ops_policy

create table ops_policy (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz default now(),
  updated_by text
);
comment on column ops_policy.updated_by is 'Added: whose key set the value; its history is in the events.';

-- ---------------------------------------------------------------- ops_proposals

create table ops_proposals (
  id uuid primary key default gen_random_uuid(),
  agent_id text not null,
  kind text not null,
  title text not null,
  body text,
  status text not null,
  policy_snapshot jsonb,
  created_at timestamptz default now(),
  decided_at timestamptz,
  priority smallint not null default 0,
  run_at timestamptz,
  created_by text,
  cap_day date,
  decision jsonb,
  original jsonb,
  outcome text,
  completed_at timestamptz,
  constraint ops_proposals_status check (status in ('pending', 'approved', 'rejected', 'completed')),
  constraint ops_proposals_outcome check (outcome in ('succeeded', 'failed', 'cancelled')),
  constraint ops_proposals_decided check ((status = 'pending') = (decided_at is null)),
  constraint ops_proposals_completed check
    ((status = 'completed') = (outcome is not null) and (status = 'completed') = (completed_at is not null)),
  constraint ops_proposals_sizes check (char_length(title) <= 200 and octet_length(body) <= 262144)
) with (fillfactor = 50, toast_tuple_target = 128);
comment on column ops_proposals.priority is 'Added: higher is worked first; copied to its steps.';
comment on column ops_proposals.run_at is 'Added: its first step is not claimed before this time. Null: at once.';
comment on column ops_proposals.created_by is 'Added: the key (or part of the program) that proposed; agent_id says for whom.';
comment on column ops_proposals.cap_day is 'Added: the policy''s calendar day this proposal counts on; null when a gate refused it.';
comment on column ops_proposals.decision is 'Added: by whom, why, the gates'' verdicts and the counts they saw, so that it can be recomputed.';
comment on column ops_proposals.original is 'Added: title and body as proposed, where an operator edited them before approving.';
comment on column ops_proposals.outcome is 'Added: how its latest mission ended.';

-- By decided_at, because no index may name a column that the mission's end changes: then it rewrites no index
-- entries (a HOT update). For the same reason the large contents lie apart (toast_tuple_target).
create index ops_proposals_pending on ops_proposals (id) where decided_at is null;
create index ops_proposals_agent on ops_proposals (agent_id, id);

create trigger ops_proposals_legal before update of status on ops_proposals for each row
  when (old.status is distinct from new.status and not (
    (old.status = 'pending' and new.status in ('approved', 'rejected'))
    or (old.status = 'approved' and new.status = 'completed')))
  execute function ops_refuse_transition();

-- ---------------------------------------------------------------- ops_missions

create table ops_missions (
  id uuid primary key default gen_random_uuid(),
  proposal_id uuid references ops_proposals (id),
  title text not null,
  status text not null,
  created_at timestamptz default now(),
  completed_at timestamptz,
  agent_id text,
  retry_of uuid references ops_missions (id),
  failure jsonb,
  constraint ops_missions_status check (status in ('active', 'completed', 'failed')),
  constraint ops_missions_completed check ((status = 'active') = (completed_at is null)),
  constraint ops_missions_failure check (failure is null or status = 'failed')
);
comment on column ops_missions.agent_id is 'Added: the proposal''s agent, so that lists need no join.';
comment on column ops_missions.retry_of is 'Added: the failed mission that this one continues.';
comment on column ops_missions.failure is 'Added: why it failed: class (step_failed, cancelled), message and step.';

create index ops_missions_proposal on ops_missions (proposal_id);
-- For what failed lately and waits for somebody. A mission that succeeds writes nothing into it.
create index ops_missions_failed on ops_missions (completed_at) where status = 'failed';
create unique index ops_missions_one_active on ops_missions (proposal_id) where status = 'active';
create unique index ops_missions_retry_once on ops_missions (retry_of) where retry_of is not null;

create trigger ops_missions_legal before update of status on ops_missions for each row
  when (old.status is distinct from new.status and not (
    old.status = 'active' and new.status in ('completed', 'failed')))
  execute function ops_refuse_transition();

-- ---------------------------------------------------------------- ops_steps

create table ops_steps (
  id uuid primary key default gen_random_uuid(),
  mission_id uuid references ops_missions (id),
  kind text not null,
  title text not null,
  input jsonb,
  output jsonb,
  status text not null,
  worker_id text,
  claimed_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz default now(),
  position smallint not null default 1,
  agent_id text not null default '',
  proposal_id uuid,
  priority smallint not null default 0,
  queue_no bigint generated always as identity,
  ready boolean not null default false,
  available_at timestamptz,
  claim_id uuid,
  attempt integer not null default 0,
  failures integer not null default 0,
  max_failures integer not null default 3,
  failure jsonb,
  constraint ops_steps_status check (status in ('queued', 'running', 'completed', 'failed')),
  constraint ops_steps_running check (status <> 'running'
    or (worker_id is not null and claim_id is not null and claimed_at is not null)),
  constraint ops_steps_queued check (status <> 'queued'
    or (worker_id is null and claim_id is null and claimed_at is null)),
  constraint ops_steps_completed check ((status in ('completed', 'failed')) = (completed_at is not null)),
  constraint ops_steps_ready check (status = 'queued' or (not ready and available_at is null)),
  constraint ops_steps_counts check (position > 0 and attempt >= 0 and failures >= 0 and max_failures > 0)
);
comment on table ops_steps is 'The steps, and the queue itself: what can be claimed now is what the index ops_steps_claim holds.';
comment on column ops_steps.position is 'Added: the steps of a mission run one after the other, in this order.';
comment on column ops_steps.agent_id is 'Added: within a priority agents take turns; and whose caps count, without a join in the claim. Empty: nobody''s.';
comment on column ops_steps.proposal_id is 'Added: the thread its events belong to, without a join in the claim.';
comment on column ops_steps.priority is 'Added: higher is claimed first.';
comment on column ops_steps.queue_no is 'Added: age. Unlike created_at it is unique and monotone.';
comment on column ops_steps.ready is 'Added: can be claimed now. A step that waits for its predecessor or for a time is queued and not ready.';
comment on column ops_steps.available_at is 'Added: a queued step that waits for a time becomes ready then. Null: waits for its predecessor, or is ready.';
comment on column ops_steps.claim_id is 'Added: random name of the claim; every write of a worker names it, and a lost claim writes nothing.';
comment on column ops_steps.attempt is 'Added: numbers the claims.';
comment on column ops_steps.failures is 'Added: spends max_failures. A release, a pause or an absent model spends nothing.';
comment on column ops_steps.max_failures is 'Added: at this many failures it fails for good.';
comment on column ops_steps.failure is 'Added: the last failure: class, message, attempt.';

create index ops_steps_claim on ops_steps (kind, priority desc, agent_id, queue_no) where ready;
create index ops_steps_delayed on ops_steps (available_at) where available_at is not null;
-- What failed and is tried again, which may lie behind any number of steps that wait for their time.
create index ops_steps_retried on ops_steps (available_at) where available_at is not null and attempt > 0;
create index ops_steps_running on ops_steps (worker_id) where status = 'running';
create unique index ops_steps_mission on ops_steps (mission_id, position);

create trigger ops_steps_legal before update of status, claim_id on ops_steps for each row
  when ((old.status is distinct from new.status and not (
      (old.status = 'queued' and new.status in ('running', 'failed'))
      or (old.status = 'running' and new.status in ('completed', 'failed', 'queued'))))
    or (old.status = new.status and old.claim_id is distinct from new.claim_id))
  execute function ops_refuse_transition();

-- ---------------------------------------------------------------- ops_events

create table ops_events (
  id bigserial primary key,
  kind text not null,
  source text,
  payload jsonb,
  created_at timestamptz default now(),
  entity text,
  entity_id text,
  proposal_id uuid
);
comment on table ops_events is 'What happened, written in the transaction that made it happen. Append-only, but for what retention drops. Its order is that of ops_event_batches.';
comment on column ops_events.entity is 'Added: what it happened to: proposal, mission, step, artefact, file, workspace, policy, agent, key, worker, beat, installation or log; or report, for what others say they did.';
comment on column ops_events.entity_id is 'Added: that thing''s id.';
comment on column ops_events.proposal_id is 'Added: the thread: the proposal behind the mission or step.';

create index ops_events_proposal on ops_events (proposal_id, id) where proposal_id is not null;
-- The history of each key; partial, so that what is written often is not in it.
create index ops_events_policy on ops_events (entity_id, id) where entity = 'policy';

create trigger ops_events_append_only before update or truncate on ops_events
  for each statement execute function ops_refuse_change();
-- Retention says in its own transaction that it drops what is old. Anybody who may delete can say so too: this guards
-- against accidents. Against intent there are the chain and the signature of what was dropped (see verify).
create trigger ops_events_dropped_only_by_retention before delete on ops_events for each statement
  when (current_setting('opsloop.pruning', true) is distinct from 'on')
  execute function ops_refuse_change();

create table ops_event_batches (
  last_seq bigint primary key,
  first_seq bigint not null unique,
  ids int8multirange not null,
  digests bytea not null,
  hash bytea not null,
  max_event_id bigint not null,
  gaps int8multirange not null,
  sealed_at timestamptz not null default clock_timestamp(),
  constraint ops_event_batches_seqs check (first_seq <= last_seq),
  constraint ops_event_batches_digests check (octet_length(digests) = 32 * (last_seq - first_seq + 1))
);
comment on table ops_event_batches is 'The order of events. A bigserial id is drawn before its transaction commits, so readers that follow ids miss late commits; a place (seq) is given only to what is committed, to all that is sealed together in one row. Insert-only: the newest row is the sealer''s whole state.';
comment on column ops_event_batches.ids is 'The events in it: places first_seq to last_seq, in the order of their ids. They stay when retention drops events.';
comment on column ops_event_batches.digests is 'SHA-256 of each event, 32 bytes each, in that order. They stay, too, so that the chain can still be computed.';
comment on column ops_event_batches.hash is 'SHA-256 of the hash before it and these digests: it covers every event up to here.';
comment on column ops_event_batches.gaps is 'Ids below max_event_id that were not visible: their transactions were rolled back, or can still commit.';
-- Digests do not compress.
alter table ops_event_batches alter digests set storage external;
create index ops_event_batches_of_event on ops_event_batches (max_event_id, last_seq);

create trigger ops_event_batches_append_only before update or delete or truncate on ops_event_batches
  for each statement execute function ops_refuse_change();

-- ---------------------------------------------------------------- ops_action_runs

create table ops_action_runs (
  id bigserial primary key,
  action text not null,
  status text not null,
  details jsonb,
  duration_ms integer,
  created_at timestamptz default now(),
  beat_id uuid,
  constraint ops_action_runs_status check (status in ('ok', 'error'))
);
comment on column ops_action_runs.beat_id is 'Added: the beat it was part of; null for the sweep that workers run between beats.';
create index ops_action_runs_beat on ops_action_runs (beat_id) where beat_id is not null;

create table ops_beats (
  id uuid primary key,
  started_at timestamptz not null default clock_timestamp(),
  lease_expires_at timestamptz not null,
  finished_at timestamptz,
  asked_by text not null
);
comment on table ops_beats is 'One row per run of the heartbeat; at most one is unfinished, so that concurrent calls join it, also across processes.';
create unique index ops_beats_one_running on ops_beats ((true)) where finished_at is null;
create index ops_beats_finished on ops_beats (finished_at) where finished_at is not null;

-- ---------------------------------------------------------------- what the loop needs besides

create table ops_workers (
  worker_id text primary key,
  host text not null,
  pid integer not null,
  version text not null,
  kinds jsonb not null,
  started_at timestamptz not null default clock_timestamp(),
  renewed_at timestamptz not null default clock_timestamp(),
  lease_expires_at timestamptz not null,
  ended_at timestamptz,
  ended_as text,
  constraint ops_workers_ended check
    ((ended_at is null) = (ended_as is null) and ended_as in ('stopped', 'died'))
);
comment on table ops_workers is 'One row per boot of a worker process. Its lease covers all claims it holds, so that renewal costs one write.';
comment on column ops_workers.kinds is 'Step kinds it works and how many of each at a time.';
create index ops_workers_alive on ops_workers (lease_expires_at) where ended_at is null;

create table ops_llm_calls (
  id bigint generated always as identity primary key,
  step_id uuid not null,
  attempt integer not null,
  claim_id uuid not null,
  agent_id text,
  engine text not null,
  provider text,
  model text,
  input_tokens integer,
  output_tokens integer,
  first_token_ms integer,
  load_ms integer,
  duration_ms integer not null,
  outcome text not null,
  created_at timestamptz not null default now()
);
comment on table ops_llm_calls is 'One row per attempt that called a model: what it cost. Unknown is null, not 0.';
create index ops_llm_calls_step on ops_llm_calls (step_id);

create table ops_artefacts (
  name text primary key,
  step_id uuid not null unique references ops_steps (id),
  proposal_id uuid,
  content text not null,
  created_at timestamptz not null default now(),
  written_at timestamptz
);
comment on table ops_artefacts is 'What publish steps produced. The name is fixed here first, then the workspace''s owner writes the file once.';
create index ops_artefacts_unwritten on ops_artefacts (created_at) where written_at is null;

create table ops_counters (
  day date not null,
  scope text not null,
  used bigint not null,
  primary key (day, scope)
) with (fillfactor = 50);
comment on table ops_counters is 'Admitted proposals and spent tokens per calendar day: total, agent:<id>, kind:<kind>, tokens, tokens:<agent>. Its row locks make caps exact.';

create table ops_tallies (
  grain text not null,
  at timestamp not null,
  agent_id text not null,
  proposals bigint not null,
  rejected bigint not null,
  succeeded bigint not null,
  failed bigint not null,
  cancelled bigint not null,
  steps bigint not null,
  step_failures bigint not null,
  outputs bigint not null,
  tokens_in bigint not null,
  tokens_out bigint not null,
  work_ms bigint not null,
  waits integer[] not null,
  primary key (grain, at, agent_id),
  constraint ops_tallies_grain check (grain in ('minute', 'day'))
) with (fillfactor = 50);
comment on table ops_tallies is 'What happened, counted from the sealed events: derived, so it has no events of its own, and counting the log anew gives the same.';
comment on column ops_tallies.at is 'When the minute begins, in UTC; or the calendar day, in the time zone that policy daily_caps had when it was counted.';
comment on column ops_tallies.agent_id is 'Of a day, the agent; empty: nobody''s. Minutes count all agents together and have it empty.';
comment on column ops_tallies.succeeded is 'Ends of missions, as failed and cancelled: a mission that is tried again ends again.';
comment on column ops_tallies.step_failures is 'Attempts that failed, also where another one followed.';
comment on column ops_tallies.tokens_in is 'Unknown counts as nothing.';
comment on column ops_tallies.work_ms is 'From claim to completion, of the completed steps.';
comment on column ops_tallies.waits is 'How many steps waited how long from being claimable to their first claim: element n + 1 counts those of 2^(n/4) to 2^((n+1)/4) ms, the first also shorter ones. Such counts can be added.';

create table ops_tally_place (
  seq bigint not null default 0,
  sealed_at timestamptz
);
comment on table ops_tally_place is 'One row: the events up to this place are counted in ops_tallies, and when it was sealed. Moved in the transaction that counts; its lock lets one process count at a time.';
insert into ops_tally_place default values;

create table ops_idempotency (
  owner text not null,
  idempotency_key text not null,
  request_digest text not null,
  status integer,
  answer jsonb,
  created_at timestamptz not null default now(),
  primary key (owner, idempotency_key)
);
comment on table ops_idempotency is 'The first answer to a request that named an Idempotency-Key, kept for 7 days.';
create index ops_idempotency_age on ops_idempotency (created_at);

create table ops_api_keys (
  key_id text primary key,
  secret_hash bytea not null,
  name text not null,
  scopes text[] not null,
  agent_id text references ops_agent_config (agent_id),
  created_at timestamptz not null default now(),
  created_by text,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint ops_api_keys_scopes check
    (scopes <@ array['propose', 'read', 'emit', 'work', 'approve', 'admin'] and cardinality(scopes) > 0),
  constraint ops_api_keys_agents_never_decide check
    (agent_id is null or not scopes && array['approve', 'admin'])
);
comment on table ops_api_keys is 'Keys, by the digest of their secret. A key with an agent speaks for that agent and can never decide.';

create table ops_sessions (
  session_id text primary key,
  key_id text references ops_api_keys (key_id),
  environment_key_hash bytea,
  code_hash bytea,
  code_expires_at timestamptz,
  secret_hash bytea,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint ops_sessions_whose check ((key_id is null) = (environment_key_hash is not null)),
  constraint ops_sessions_code_or_secret check ((code_hash is null) = (code_expires_at is null)
    and (code_hash is null) <> (secret_hash is null))
);
comment on table ops_sessions is 'Browsers that are signed in, each for a key: it may what its key may, for as long as the key. First it has a code for one use, then a secret; both are kept as digests.';
comment on column ops_sessions.environment_key_hash is 'The digest of OPSLOOP_API_KEY, which has no row: with another one in its place the session ends.';
create index ops_sessions_key on ops_sessions (key_id) where key_id is not null;
create index ops_sessions_age on ops_sessions (expires_at);

create table ops_installation (
  key text primary key,
  value jsonb not null,
  created_at timestamptz not null default now()
);
comment on table ops_installation is 'Facts about this installation that must outlive processes, such as: a language model was seen once.';
