CREATE FUNCTION public.ops_digest(content text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('sha256:'::text || encode(sha256(convert_to(content, 'UTF8'::name)), 'hex'::text));

COMMENT ON FUNCTION public.ops_digest(content text) IS 'Stands for a large content in an event. Computed here, because re-serialised JSON has other bytes.';

CREATE FUNCTION public.ops_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception '% of % is refused: the event log is append-only', lower(tg_op), tg_table_name
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name;
end $$;

CREATE FUNCTION public.ops_refuse_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception 'illegal transition of % %: % -> %', tg_table_name, old.id, old.status, new.status
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name;
end $$;

CREATE TABLE public.ops_action_runs (
    id bigint NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    details jsonb,
    duration_ms integer,
    created_at timestamp with time zone DEFAULT now(),
    beat_id uuid,
    CONSTRAINT ops_action_runs_status CHECK ((status = ANY (ARRAY['ok'::text, 'error'::text])))
);

COMMENT ON COLUMN public.ops_action_runs.beat_id IS 'Added: the beat it was part of; null for the sweep that workers run between beats.';

CREATE SEQUENCE public.ops_action_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ops_action_runs_id_seq OWNED BY public.ops_action_runs.id;

CREATE TABLE public.ops_agent_config (
    agent_id text NOT NULL,
    display_name text,
    model_override text,
    role text,
    config jsonb,
    created_at timestamp with time zone DEFAULT now()
);

COMMENT ON COLUMN public.ops_agent_config.model_override IS 'A bare model name of Ollama, or provider:model. Never a URL.';

CREATE TABLE public.ops_alerts (
    key text NOT NULL,
    topic text NOT NULL,
    message text NOT NULL,
    raised_at timestamp with time zone DEFAULT now() NOT NULL,
    told_at timestamp with time zone DEFAULT now() NOT NULL,
    times integer DEFAULT 1 NOT NULL
);

COMMENT ON TABLE public.ops_alerts IS 'What is not as it should be right now. Raising and clearing are events; of what waits for a decision the row counts the reminders.';

COMMENT ON COLUMN public.ops_alerts.key IS 'What it is about: problem:<code>, cap:<scope>, waiting:<proposal>.';

CREATE TABLE public.ops_api_keys (
    key_id text NOT NULL,
    secret_hash bytea NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    agent_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    kinds text[],
    CONSTRAINT ops_api_keys_agents_never_decide CHECK (((agent_id IS NULL) OR (NOT (scopes && ARRAY['approve'::text, 'admin'::text])))),
    CONSTRAINT ops_api_keys_kinds CHECK (((kinds IS NULL) OR ((cardinality(kinds) > 0) AND ('work'::text = ANY (scopes))))),
    CONSTRAINT ops_api_keys_scopes CHECK (((scopes <@ ARRAY['propose'::text, 'read'::text, 'emit'::text, 'work'::text, 'approve'::text, 'admin'::text]) AND (cardinality(scopes) > 0)))
);

COMMENT ON TABLE public.ops_api_keys IS 'Keys, by the digest of their secret. A key with an agent speaks for that agent and can never decide.';

COMMENT ON COLUMN public.ops_api_keys.kinds IS 'The kinds of steps that it may claim; null: all that can be worked over HTTP.';

CREATE TABLE public.ops_artefacts (
    name text NOT NULL,
    step_id uuid,
    proposal_id uuid,
    content text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    written_at timestamp with time zone,
    file_id uuid,
    CONSTRAINT ops_artefacts_origin CHECK (((step_id IS NOT NULL) OR (file_id IS NOT NULL)))
);

COMMENT ON TABLE public.ops_artefacts IS 'What publish steps produced. The name is fixed here first, then the workspace''s owner writes the file once.';

COMMENT ON COLUMN public.ops_artefacts.file_id IS 'The task file that it answers; null for what a publish step made.';

CREATE TABLE public.ops_beats (
    id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_expires_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    asked_by text NOT NULL
);

COMMENT ON TABLE public.ops_beats IS 'One row per run of the heartbeat; at most one is unfinished, so that concurrent calls join it, also across processes.';

CREATE TABLE public.ops_counters (
    day date NOT NULL,
    scope text NOT NULL,
    used bigint NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE public.ops_counters IS 'Admitted proposals and spent tokens per calendar day: total, agent:<id>, kind:<kind>, tokens, tokens:<agent>. Its row locks make caps exact.';

CREATE TABLE public.ops_decision_links (
    link_id text NOT NULL,
    secret_hash bytea NOT NULL,
    proposal_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

COMMENT ON TABLE public.ops_decision_links IS 'Links with which one proposal is decided once, for the key that the webhook names; kept as digests.';

CREATE TABLE public.ops_deliveries (
    delivery_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    topic text NOT NULL,
    about jsonb NOT NULL,
    event_id bigint,
    status text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    claim_id uuid,
    claimed_until timestamp with time zone,
    last_status integer,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT ops_deliveries_ended CHECK (((status = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT ops_deliveries_status CHECK ((status = ANY (ARRAY['waiting'::text, 'delivered'::text, 'skipped'::text, 'dead'::text])))
);

COMMENT ON TABLE public.ops_deliveries IS 'One call to one webhook. Its id goes along at every try, so that a receiver knows it again.';

COMMENT ON COLUMN public.ops_deliveries.event_id IS 'The event that it tells of; null: a test.';

COMMENT ON COLUMN public.ops_deliveries.claim_id IS 'Who sends it now; after claimed_until anybody may.';

CREATE TABLE public.ops_event_batches (
    last_seq bigint NOT NULL,
    first_seq bigint NOT NULL,
    ids int8multirange NOT NULL,
    digests bytea NOT NULL,
    hash bytea NOT NULL,
    max_event_id bigint NOT NULL,
    gaps int8multirange NOT NULL,
    sealed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ops_event_batches_digests CHECK ((octet_length(digests) = (32 * ((last_seq - first_seq) + 1)))),
    CONSTRAINT ops_event_batches_seqs CHECK ((first_seq <= last_seq))
);
ALTER TABLE ONLY public.ops_event_batches ALTER COLUMN digests SET STORAGE EXTERNAL;

COMMENT ON TABLE public.ops_event_batches IS 'The order of events. A bigserial id is drawn before its transaction commits, so readers that follow ids miss late commits; a place (seq) is given only to what is committed, to all that is sealed together in one row. Insert-only: the newest row is the sealer''s whole state.';

COMMENT ON COLUMN public.ops_event_batches.ids IS 'The events in it: places first_seq to last_seq, in the order of their ids. They stay when retention drops events.';

COMMENT ON COLUMN public.ops_event_batches.digests IS 'SHA-256 of each event, 32 bytes each, in that order. They stay, too, so that the chain can still be computed.';

COMMENT ON COLUMN public.ops_event_batches.hash IS 'SHA-256 of the hash before it and these digests: it covers every event up to here.';

COMMENT ON COLUMN public.ops_event_batches.gaps IS 'Ids below max_event_id that were not visible: their transactions were rolled back, or can still commit.';

CREATE TABLE public.ops_events (
    id bigint NOT NULL,
    kind text NOT NULL,
    source text,
    payload jsonb,
    created_at timestamp with time zone DEFAULT now(),
    entity text,
    entity_id text,
    proposal_id uuid
);

COMMENT ON TABLE public.ops_events IS 'What happened, written in the transaction that made it happen. Append-only, but for what retention drops. Its order is that of ops_event_batches.';

COMMENT ON COLUMN public.ops_events.entity IS 'Added: what it happened to: proposal, mission, step, artefact, file, workspace, schedule, policy, agent, key, worker, beat, installation or log; or report, for what others say they did.';

COMMENT ON COLUMN public.ops_events.entity_id IS 'Added: that thing''s id.';

COMMENT ON COLUMN public.ops_events.proposal_id IS 'Added: the thread: the proposal behind the mission or step.';

CREATE SEQUENCE public.ops_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ops_events_id_seq OWNED BY public.ops_events.id;

CREATE TABLE public.ops_files (
    id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    form text NOT NULL,
    status text NOT NULL,
    digest text NOT NULL,
    inode text,
    content text,
    agent_id text NOT NULL,
    proposal_id uuid,
    parent_id uuid,
    root_id uuid NOT NULL,
    depth smallint DEFAULT 0 NOT NULL,
    after_id uuid,
    result text,
    output text,
    note text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT ops_files_finished CHECK (((status = 'finished'::text) = (finished_at IS NOT NULL))),
    CONSTRAINT ops_files_form CHECK ((form = ANY (ARRAY['task'::text, 'goal'::text, 'exec'::text]))),
    CONSTRAINT ops_files_planned CHECK (((status = 'planned'::text) = (content IS NOT NULL))),
    CONSTRAINT ops_files_result CHECK ((result = ANY (ARRAY['done'::text, 'failed'::text, 'replaced'::text]))),
    CONSTRAINT ops_files_status CHECK ((status = ANY (ARRAY['planned'::text, 'taken'::text, 'settled'::text, 'finished'::text]))),
    CONSTRAINT ops_files_taken CHECK (((proposal_id IS NOT NULL) OR (status = 'planned'::text) OR (result IS NOT NULL)))
);

COMMENT ON TABLE public.ops_files IS 'One row per task file that was taken, or that a model''s answer asked for.';

COMMENT ON COLUMN public.ops_files.status IS 'planned: asked for by an answer. taken: a proposal. settled: ended, its output fixed. finished: its file renamed.';

COMMENT ON COLUMN public.ops_files.digest IS 'SHA-256 of the file''s bytes. Name, content and inode together say which file is meant.';

COMMENT ON COLUMN public.ops_files.inode IS 'Of the file in the inbox; null while it is not there yet.';

COMMENT ON COLUMN public.ops_files.content IS 'The text of a planned file; afterwards it is the proposal''s body.';

COMMENT ON COLUMN public.ops_files.agent_id IS 'Whom its proposal is charged to: the role of a person''s file, the root''s agent for what a model asked for.';

COMMENT ON COLUMN public.ops_files.root_id IS 'The person''s file that this one goes back to; its own id for that one.';

COMMENT ON COLUMN public.ops_files.after_id IS 'The tasks of a goal are worked in order: this one is taken after that one has finished.';

COMMENT ON COLUMN public.ops_files.note IS 'The PENDING note, where an operator had to decide.';

CREATE TABLE public.ops_files_seen (
    workspace_id uuid NOT NULL,
    dir text NOT NULL,
    name text NOT NULL,
    version text NOT NULL
);

COMMENT ON TABLE public.ops_files_seen IS 'What was last seen in an observed workspace, so that what happens while nobody looks is told later, once.';

CREATE TABLE public.ops_idempotency (
    owner text NOT NULL,
    idempotency_key text NOT NULL,
    request_digest text NOT NULL,
    status integer,
    answer jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.ops_idempotency IS 'The first answer to a request that named an Idempotency-Key, kept for 7 days.';

CREATE TABLE public.ops_installation (
    key text NOT NULL,
    value jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.ops_installation IS 'Facts about this installation that must outlive processes, such as: a language model was seen once.';

CREATE TABLE public.ops_llm_calls (
    id bigint NOT NULL,
    step_id uuid NOT NULL,
    attempt integer NOT NULL,
    claim_id uuid NOT NULL,
    agent_id text,
    engine text NOT NULL,
    provider text,
    model text,
    input_tokens integer,
    output_tokens integer,
    first_token_ms integer,
    load_ms integer,
    duration_ms integer NOT NULL,
    outcome text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    cost_usd numeric(14,6)
);

COMMENT ON TABLE public.ops_llm_calls IS 'One row per attempt that called a model: what it cost. Unknown is null, not 0.';

COMMENT ON COLUMN public.ops_llm_calls.cost_usd IS 'As the provider said it, else by policy prices at the time of the call; null: unknown.';

ALTER TABLE public.ops_llm_calls ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ops_llm_calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ops_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.ops_missions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    proposal_id uuid,
    title text NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    completed_at timestamp with time zone,
    agent_id text,
    retry_of uuid,
    failure jsonb,
    CONSTRAINT ops_missions_completed CHECK (((status = 'active'::text) = (completed_at IS NULL))),
    CONSTRAINT ops_missions_failure CHECK (((failure IS NULL) OR (status = 'failed'::text))),
    CONSTRAINT ops_missions_status CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'failed'::text])))
);

COMMENT ON COLUMN public.ops_missions.agent_id IS 'Added: the proposal''s agent, so that lists need no join.';

COMMENT ON COLUMN public.ops_missions.retry_of IS 'Added: the failed mission that this one continues.';

COMMENT ON COLUMN public.ops_missions.failure IS 'Added: why it failed: class (step_failed, cancelled), message and step.';

CREATE TABLE public.ops_policy (
    key text NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now(),
    updated_by text
);

COMMENT ON COLUMN public.ops_policy.updated_by IS 'Added: whose key set the value; its history is in the events.';

CREATE TABLE public.ops_proposals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    agent_id text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    body text,
    status text NOT NULL,
    policy_snapshot jsonb,
    created_at timestamp with time zone DEFAULT now(),
    decided_at timestamp with time zone,
    priority smallint DEFAULT 0 NOT NULL,
    run_at timestamp with time zone,
    created_by text,
    cap_day date,
    decision jsonb,
    original jsonb,
    outcome text,
    completed_at timestamp with time zone,
    traceparent text,
    CONSTRAINT ops_proposals_completed CHECK ((((status = 'completed'::text) = (outcome IS NOT NULL)) AND ((status = 'completed'::text) = (completed_at IS NOT NULL)))),
    CONSTRAINT ops_proposals_decided CHECK (((status = 'pending'::text) = (decided_at IS NULL))),
    CONSTRAINT ops_proposals_outcome CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT ops_proposals_sizes CHECK (((char_length(title) <= 200) AND (octet_length(body) <= 1048576))),
    CONSTRAINT ops_proposals_status CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'completed'::text])))
)
WITH (fillfactor='50', toast_tuple_target='128');

COMMENT ON COLUMN public.ops_proposals.priority IS 'Added: higher is worked first; copied to its steps.';

COMMENT ON COLUMN public.ops_proposals.run_at IS 'Added: its first step is not claimed before this time. Null: at once.';

COMMENT ON COLUMN public.ops_proposals.created_by IS 'Added: the key (or part of the program) that proposed; agent_id says for whom.';

COMMENT ON COLUMN public.ops_proposals.cap_day IS 'Added: the policy''s calendar day this proposal counts on; null when a gate refused it.';

COMMENT ON COLUMN public.ops_proposals.decision IS 'Added: by whom, why, the gates'' verdicts and the counts they saw, so that it can be recomputed.';

COMMENT ON COLUMN public.ops_proposals.original IS 'Added: title and body as proposed, where an operator edited them before approving.';

COMMENT ON COLUMN public.ops_proposals.outcome IS 'Added: how its latest mission ended.';

COMMENT ON COLUMN public.ops_proposals.traceparent IS 'Where in a trace it was proposed (W3C Trace Context): what is done for it belongs to that trace.';

CREATE TABLE public.ops_schedules (
    id uuid NOT NULL,
    name text NOT NULL,
    agent_id text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    body text,
    priority smallint DEFAULT 0 NOT NULL,
    cron text,
    every_seconds integer,
    starts_at timestamp with time zone,
    at timestamp with time zone,
    timezone text NOT NULL,
    missed text NOT NULL,
    missed_most smallint NOT NULL,
    jitter_seconds integer NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    next_due_at timestamp with time zone,
    next_run_at timestamp with time zone,
    last_due_at timestamp with time zone,
    last_proposal_id uuid,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT ops_schedules_missed CHECK (((missed = ANY (ARRAY['skip'::text, 'once'::text, 'all'::text])) AND (missed_most > 0))),
    CONSTRAINT ops_schedules_next CHECK ((((next_due_at IS NULL) = (next_run_at IS NULL)) AND (next_run_at >= next_due_at) AND (NOT (paused AND (next_due_at IS NOT NULL))))),
    CONSTRAINT ops_schedules_sizes CHECK (((char_length(title) <= 200) AND (octet_length(body) <= 262144) AND (jitter_seconds >= 0))),
    CONSTRAINT ops_schedules_timing CHECK (((num_nonnulls(cron, every_seconds, at) = 1) AND ((every_seconds IS NULL) = (starts_at IS NULL)) AND (every_seconds >= 60)))
);

COMMENT ON TABLE public.ops_schedules IS 'Proposals by clock. Moving on to the next due time and the proposal are one transaction, so each due time is proposed once, whoever comes for it.';

COMMENT ON COLUMN public.ops_schedules.agent_id IS 'Whose proposals they are. Not a reference: an agent that is gone shows as a problem, and does not hold up whoever removes it.';

COMMENT ON COLUMN public.ops_schedules.cron IS 'Five fields, read on the clock of the time zone. One of cron, every_seconds and at is set.';

COMMENT ON COLUMN public.ops_schedules.every_seconds IS 'Time that passes between two due times, counted from starts_at, whatever clocks on walls show.';

COMMENT ON COLUMN public.ops_schedules.missed IS 'Of the due times that nobody could take in time: skip proposes none, once the newest, all the newest missed_most.';

COMMENT ON COLUMN public.ops_schedules.jitter_seconds IS 'Each due time is taken up to so much later; how much follows from the schedule and the due time, so all processes agree.';

COMMENT ON COLUMN public.ops_schedules.next_due_at IS 'Null: paused, or nothing comes after the last one.';

COMMENT ON COLUMN public.ops_schedules.next_run_at IS 'The next due time with its jitter: when it is taken.';

COMMENT ON COLUMN public.ops_schedules.last_due_at IS 'The newest due time that was dealt with: proposed, or passed over by the rule for missed ones.';

COMMENT ON COLUMN public.ops_schedules.last_proposal_id IS 'What became of it; null when it was passed over. Not a reference: retention can have dropped it.';

COMMENT ON COLUMN public.ops_schedules.version IS 'Grows with every change. Whoever acts on a schedule names the version it saw, and changes nothing when there is a newer one.';

CREATE TABLE public.ops_sessions (
    session_id text NOT NULL,
    key_id text,
    environment_key_hash bytea,
    code_hash bytea,
    code_expires_at timestamp with time zone,
    secret_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT ops_sessions_code_or_secret CHECK ((((code_hash IS NULL) = (code_expires_at IS NULL)) AND ((code_hash IS NULL) <> (secret_hash IS NULL)))),
    CONSTRAINT ops_sessions_whose CHECK (((key_id IS NULL) = (environment_key_hash IS NOT NULL)))
);

COMMENT ON TABLE public.ops_sessions IS 'Browsers that are signed in, each for a key: it may what its key may, for as long as the key. First it has a code for one use, then a secret; both are kept as digests.';

COMMENT ON COLUMN public.ops_sessions.environment_key_hash IS 'The digest of OPSLOOP_API_KEY, which has no row: with another one in its place the session ends.';

CREATE TABLE public.ops_steps (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    mission_id uuid,
    kind text NOT NULL,
    title text NOT NULL,
    input jsonb,
    output jsonb,
    status text NOT NULL,
    worker_id text,
    claimed_at timestamp with time zone,
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    "position" smallint DEFAULT 1 NOT NULL,
    agent_id text DEFAULT ''::text NOT NULL,
    proposal_id uuid,
    priority smallint DEFAULT 0 NOT NULL,
    queue_no bigint NOT NULL,
    ready boolean DEFAULT false NOT NULL,
    available_at timestamp with time zone,
    claim_id uuid,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    max_failures integer DEFAULT 3 NOT NULL,
    failure jsonb,
    CONSTRAINT ops_steps_completed CHECK (((status = ANY (ARRAY['completed'::text, 'failed'::text])) = (completed_at IS NOT NULL))),
    CONSTRAINT ops_steps_counts CHECK ((("position" > 0) AND (attempt >= 0) AND (failures >= 0) AND (max_failures > 0))),
    CONSTRAINT ops_steps_queued CHECK (((status <> 'queued'::text) OR ((worker_id IS NULL) AND (claim_id IS NULL) AND (claimed_at IS NULL)))),
    CONSTRAINT ops_steps_ready CHECK (((status = 'queued'::text) OR ((NOT ready) AND (available_at IS NULL)))),
    CONSTRAINT ops_steps_running CHECK (((status <> 'running'::text) OR ((worker_id IS NOT NULL) AND (claim_id IS NOT NULL) AND (claimed_at IS NOT NULL)))),
    CONSTRAINT ops_steps_status CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'failed'::text])))
);

COMMENT ON TABLE public.ops_steps IS 'The steps, and the queue itself: what can be claimed now is what the index ops_steps_claim holds.';

COMMENT ON COLUMN public.ops_steps."position" IS 'Added: the steps of a mission run one after the other, in this order.';

COMMENT ON COLUMN public.ops_steps.agent_id IS 'Added: within a priority agents take turns; and whose caps count, without a join in the claim. Empty: nobody''s.';

COMMENT ON COLUMN public.ops_steps.proposal_id IS 'Added: the thread its events belong to, without a join in the claim.';

COMMENT ON COLUMN public.ops_steps.priority IS 'Added: higher is claimed first.';

COMMENT ON COLUMN public.ops_steps.queue_no IS 'Added: age. Unlike created_at it is unique and monotone.';

COMMENT ON COLUMN public.ops_steps.ready IS 'Added: can be claimed now. A step that waits for its predecessor or for a time is queued and not ready.';

COMMENT ON COLUMN public.ops_steps.available_at IS 'Added: a queued step that waits for a time becomes ready then. Null: waits for its predecessor, or is ready.';

COMMENT ON COLUMN public.ops_steps.claim_id IS 'Added: random name of the claim; every write of a worker names it, and a lost claim writes nothing.';

COMMENT ON COLUMN public.ops_steps.attempt IS 'Added: numbers the claims.';

COMMENT ON COLUMN public.ops_steps.failures IS 'Added: spends max_failures. A release, a pause or an absent model spends nothing.';

COMMENT ON COLUMN public.ops_steps.max_failures IS 'Added: at this many failures it fails for good.';

COMMENT ON COLUMN public.ops_steps.failure IS 'Added: the last failure: class, message, attempt.';

ALTER TABLE public.ops_steps ALTER COLUMN queue_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ops_steps_queue_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ops_tallies (
    grain text NOT NULL,
    at timestamp without time zone NOT NULL,
    agent_id text NOT NULL,
    proposals bigint NOT NULL,
    rejected bigint NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    cancelled bigint NOT NULL,
    steps bigint NOT NULL,
    step_failures bigint NOT NULL,
    outputs bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    work_ms bigint NOT NULL,
    waits integer[] NOT NULL,
    cost_microusd bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ops_tallies_grain CHECK ((grain = ANY (ARRAY['minute'::text, 'day'::text])))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.ops_tallies IS 'What happened, counted from the sealed events: derived, so it has no events of its own, and counting the log anew gives the same.';

COMMENT ON COLUMN public.ops_tallies.at IS 'When the minute begins, in UTC; or the calendar day, in the time zone that policy daily_caps had when it was counted.';

COMMENT ON COLUMN public.ops_tallies.agent_id IS 'Of a day, the agent; empty: nobody''s. Minutes count all agents together and have it empty.';

COMMENT ON COLUMN public.ops_tallies.succeeded IS 'Ends of missions, as failed and cancelled: a mission that is tried again ends again.';

COMMENT ON COLUMN public.ops_tallies.step_failures IS 'Attempts that failed, also where another one followed.';

COMMENT ON COLUMN public.ops_tallies.tokens_in IS 'Unknown counts as nothing.';

COMMENT ON COLUMN public.ops_tallies.work_ms IS 'From claim to completion, of the completed steps.';

COMMENT ON COLUMN public.ops_tallies.waits IS 'How many steps waited how long from being claimable to their first claim: element n + 1 counts those of 2^(n/4) to 2^((n+1)/4) ms, the first also shorter ones. Such counts can be added.';

COMMENT ON COLUMN public.ops_tallies.cost_microusd IS 'Millionths of a US dollar. Unknown counts as nothing.';

CREATE TABLE public.ops_tally_place (
    seq bigint DEFAULT 0 NOT NULL,
    sealed_at timestamp with time zone
);

COMMENT ON TABLE public.ops_tally_place IS 'One row: the events up to this place are counted in ops_tallies, and when it was sealed. Moved in the transaction that counts; its lock lets one process count at a time.';

CREATE TABLE public.ops_watch (
    holder uuid,
    held_until timestamp with time zone
);

COMMENT ON TABLE public.ops_watch IS 'One row: which process watches for alerts. It stays with one for as long as it renews, because each sees its own machine.';

CREATE TABLE public.ops_webhook_place (
    seq bigint DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.ops_webhook_place IS 'One row: the events up to this place have become deliveries. Moved in the transaction that stores them.';

CREATE TABLE public.ops_webhooks (
    webhook_id uuid NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    template text NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    topics text[] NOT NULL,
    agents text[],
    links_by text,
    paused boolean DEFAULT false NOT NULL,
    failing_since timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ops_webhooks_template CHECK ((template = ANY (ARRAY['json'::text, 'ntfy'::text, 'telegram'::text, 'slack'::text, 'discord'::text]))),
    CONSTRAINT ops_webhooks_topics CHECK ((cardinality(topics) > 0))
);

COMMENT ON TABLE public.ops_webhooks IS 'Where to call, and for what. Secrets are named ({secret:name} in the url) and never stored here.';

COMMENT ON COLUMN public.ops_webhooks.topics IS 'Each is a topic or the beginning of topics: problem, problem.no_beat.';

COMMENT ON COLUMN public.ops_webhooks.agents IS 'Only what belongs to these; null: to anybody or nobody.';

COMMENT ON COLUMN public.ops_webhooks.links_by IS 'The key that decides when somebody follows a link in a call; null: calls have no such links.';

CREATE TABLE public.ops_work_claims (
    claim_id uuid NOT NULL,
    step_id uuid NOT NULL,
    worker_id text NOT NULL,
    key_id text NOT NULL,
    attempt integer NOT NULL,
    secret_hash bytea NOT NULL,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    renewed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_expires_at timestamp with time zone NOT NULL,
    ended jsonb
);

COMMENT ON TABLE public.ops_work_claims IS 'Claims that were given out over HTTP, each with a lease and a token of its own. Kept for an hour after their end, so that whoever missed an answer gets it again.';

COMMENT ON COLUMN public.ops_work_claims.attempt IS 'Of the step, whose own counter goes on with the next claim.';

COMMENT ON COLUMN public.ops_work_claims.secret_hash IS 'The digest of the token, which opens this one claim.';

COMMENT ON COLUMN public.ops_work_claims.lease_expires_at IS 'Its distance from renewed_at is the length of the lease.';

COMMENT ON COLUMN public.ops_work_claims.ended IS 'How it ended by its worker, where the step''s row does not say so; null while it may hold.';

CREATE TABLE public.ops_workers (
    worker_id text NOT NULL,
    host text NOT NULL,
    pid integer,
    version text NOT NULL,
    kinds jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    renewed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_as text,
    key_id text,
    CONSTRAINT ops_workers_ended CHECK ((((ended_at IS NULL) = (ended_as IS NULL)) AND (ended_as = ANY (ARRAY['stopped'::text, 'died'::text]))))
);

COMMENT ON TABLE public.ops_workers IS 'One row per boot of a worker process. Its lease covers all claims it holds, so that renewal costs one write.';

COMMENT ON COLUMN public.ops_workers.pid IS 'Null: it works over HTTP.';

COMMENT ON COLUMN public.ops_workers.kinds IS 'Step kinds it works and how many of each at a time; over HTTP 1, for there each claim says how many.';

COMMENT ON COLUMN public.ops_workers.key_id IS 'Whose key it works with over HTTP, and nobody else may speak for it. Null: a process of this program.';

CREATE TABLE public.ops_workspaces (
    id uuid NOT NULL,
    path text NOT NULL,
    mode text NOT NULL,
    halted jsonb,
    observed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    owner uuid,
    holder jsonb,
    lease_expires_at timestamp with time zone,
    CONSTRAINT ops_workspaces_mode CHECK ((mode = ANY (ARRAY['process'::text, 'observe'::text, 'off'::text])))
);

COMMENT ON TABLE public.ops_workspaces IS 'Folders with inbox, outputs and approvals. One process at a time owns one; every write for its files checks that it still does.';

COMMENT ON COLUMN public.ops_workspaces.id IS 'Also in state/opsloop.json of the folder, so that it is known again wherever it is mounted.';

COMMENT ON COLUMN public.ops_workspaces.mode IS 'process: task files are worked. observe: somebody else works them and we tell of it. off: only published outputs are written.';

COMMENT ON COLUMN public.ops_workspaces.halted IS 'Signs of a foreign executor: nothing is taken until an operator says so.';

COMMENT ON COLUMN public.ops_workspaces.observed_at IS 'When observing began: what was there before is history. Null: it has not.';

COMMENT ON COLUMN public.ops_workspaces.owner IS 'Random name of one boot of one process; whoever is not this any more writes nothing.';

COMMENT ON COLUMN public.ops_workspaces.holder IS 'The machine and process behind it, so that the death of one on this machine is known at once.';

ALTER TABLE ONLY public.ops_action_runs ALTER COLUMN id SET DEFAULT nextval('public.ops_action_runs_id_seq'::regclass);

ALTER TABLE ONLY public.ops_events ALTER COLUMN id SET DEFAULT nextval('public.ops_events_id_seq'::regclass);

ALTER TABLE ONLY public.ops_action_runs
    ADD CONSTRAINT ops_action_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_agent_config
    ADD CONSTRAINT ops_agent_config_pkey PRIMARY KEY (agent_id);

ALTER TABLE ONLY public.ops_alerts
    ADD CONSTRAINT ops_alerts_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.ops_api_keys
    ADD CONSTRAINT ops_api_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.ops_artefacts
    ADD CONSTRAINT ops_artefacts_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.ops_artefacts
    ADD CONSTRAINT ops_artefacts_step_id_key UNIQUE (step_id);

ALTER TABLE ONLY public.ops_beats
    ADD CONSTRAINT ops_beats_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_counters
    ADD CONSTRAINT ops_counters_pkey PRIMARY KEY (day, scope);

ALTER TABLE ONLY public.ops_decision_links
    ADD CONSTRAINT ops_decision_links_pkey PRIMARY KEY (link_id);

ALTER TABLE ONLY public.ops_deliveries
    ADD CONSTRAINT ops_deliveries_once UNIQUE (webhook_id, event_id);

ALTER TABLE ONLY public.ops_deliveries
    ADD CONSTRAINT ops_deliveries_pkey PRIMARY KEY (delivery_id);

ALTER TABLE ONLY public.ops_event_batches
    ADD CONSTRAINT ops_event_batches_first_seq_key UNIQUE (first_seq);

ALTER TABLE ONLY public.ops_event_batches
    ADD CONSTRAINT ops_event_batches_pkey PRIMARY KEY (last_seq);

ALTER TABLE ONLY public.ops_events
    ADD CONSTRAINT ops_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_proposal_id_key UNIQUE (proposal_id);

ALTER TABLE ONLY public.ops_files_seen
    ADD CONSTRAINT ops_files_seen_pkey PRIMARY KEY (workspace_id, dir, name);

ALTER TABLE ONLY public.ops_idempotency
    ADD CONSTRAINT ops_idempotency_pkey PRIMARY KEY (owner, idempotency_key);

ALTER TABLE ONLY public.ops_installation
    ADD CONSTRAINT ops_installation_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.ops_llm_calls
    ADD CONSTRAINT ops_llm_calls_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_migrations
    ADD CONSTRAINT ops_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.ops_missions
    ADD CONSTRAINT ops_missions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_policy
    ADD CONSTRAINT ops_policy_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.ops_proposals
    ADD CONSTRAINT ops_proposals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_schedules
    ADD CONSTRAINT ops_schedules_name_key UNIQUE (name);

ALTER TABLE ONLY public.ops_schedules
    ADD CONSTRAINT ops_schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_sessions
    ADD CONSTRAINT ops_sessions_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY public.ops_steps
    ADD CONSTRAINT ops_steps_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_tallies
    ADD CONSTRAINT ops_tallies_pkey PRIMARY KEY (grain, at, agent_id);

ALTER TABLE ONLY public.ops_webhooks
    ADD CONSTRAINT ops_webhooks_name_key UNIQUE (name);

ALTER TABLE ONLY public.ops_webhooks
    ADD CONSTRAINT ops_webhooks_pkey PRIMARY KEY (webhook_id);

ALTER TABLE ONLY public.ops_work_claims
    ADD CONSTRAINT ops_work_claims_pkey PRIMARY KEY (claim_id);

ALTER TABLE ONLY public.ops_workers
    ADD CONSTRAINT ops_workers_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY public.ops_workspaces
    ADD CONSTRAINT ops_workspaces_pkey PRIMARY KEY (id);

CREATE INDEX ops_action_runs_beat ON public.ops_action_runs USING btree (beat_id) WHERE (beat_id IS NOT NULL);

CREATE INDEX ops_artefacts_file ON public.ops_artefacts USING btree (file_id) WHERE (file_id IS NOT NULL);

CREATE INDEX ops_artefacts_unwritten ON public.ops_artefacts USING btree (created_at) WHERE (written_at IS NULL);

CREATE INDEX ops_beats_finished ON public.ops_beats USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE UNIQUE INDEX ops_beats_one_running ON public.ops_beats USING btree ((true)) WHERE (finished_at IS NULL);

CREATE INDEX ops_decision_links_age ON public.ops_decision_links USING btree (expires_at);

CREATE INDEX ops_deliveries_due ON public.ops_deliveries USING btree (next_at) WHERE (status = 'waiting'::text);

CREATE INDEX ops_deliveries_ended ON public.ops_deliveries USING btree (ended_at) WHERE (status <> 'waiting'::text);

CREATE INDEX ops_deliveries_list ON public.ops_deliveries USING btree (webhook_id, delivery_id DESC);

CREATE INDEX ops_event_batches_of_event ON public.ops_event_batches USING btree (max_event_id, last_seq);

CREATE INDEX ops_events_policy ON public.ops_events USING btree (entity_id, id) WHERE (entity = 'policy'::text);

CREATE INDEX ops_events_proposal ON public.ops_events USING btree (proposal_id, id) WHERE (proposal_id IS NOT NULL);

CREATE INDEX ops_files_after ON public.ops_files USING btree (after_id) WHERE (after_id IS NOT NULL);

CREATE INDEX ops_files_newest ON public.ops_files USING btree (workspace_id, id);

CREATE INDEX ops_files_note ON public.ops_files USING btree (note) WHERE (note IS NOT NULL);

CREATE UNIQUE INDEX ops_files_open ON public.ops_files USING btree (workspace_id, name) WHERE (status <> 'finished'::text);

CREATE INDEX ops_files_output ON public.ops_files USING btree (output) WHERE (output IS NOT NULL);

CREATE INDEX ops_files_parent ON public.ops_files USING btree (parent_id) WHERE (parent_id IS NOT NULL);

CREATE INDEX ops_files_root ON public.ops_files USING btree (root_id);

CREATE INDEX ops_idempotency_age ON public.ops_idempotency USING btree (created_at);

CREATE INDEX ops_llm_calls_step ON public.ops_llm_calls USING btree (step_id);

CREATE INDEX ops_missions_failed ON public.ops_missions USING btree (completed_at) WHERE (status = 'failed'::text);

CREATE UNIQUE INDEX ops_missions_one_active ON public.ops_missions USING btree (proposal_id) WHERE (status = 'active'::text);

CREATE INDEX ops_missions_proposal ON public.ops_missions USING btree (proposal_id);

CREATE UNIQUE INDEX ops_missions_retry_once ON public.ops_missions USING btree (retry_of) WHERE (retry_of IS NOT NULL);

CREATE INDEX ops_proposals_agent ON public.ops_proposals USING btree (agent_id, id);

CREATE INDEX ops_proposals_pending ON public.ops_proposals USING btree (id) WHERE (decided_at IS NULL);

CREATE INDEX ops_proposals_schedule ON public.ops_proposals USING btree (created_by, id) WHERE (created_by ~~ 'schedule:%'::text);

CREATE INDEX ops_schedules_next ON public.ops_schedules USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);

CREATE INDEX ops_sessions_age ON public.ops_sessions USING btree (expires_at);

CREATE INDEX ops_sessions_key ON public.ops_sessions USING btree (key_id) WHERE (key_id IS NOT NULL);

CREATE INDEX ops_steps_claim ON public.ops_steps USING btree (kind, priority DESC, agent_id, queue_no) WHERE ready;

CREATE INDEX ops_steps_delayed ON public.ops_steps USING btree (available_at) WHERE (available_at IS NOT NULL);

CREATE UNIQUE INDEX ops_steps_mission ON public.ops_steps USING btree (mission_id, "position");

CREATE INDEX ops_steps_retried ON public.ops_steps USING btree (available_at) WHERE ((available_at IS NOT NULL) AND (attempt > 0));

CREATE INDEX ops_steps_running ON public.ops_steps USING btree (worker_id) WHERE (status = 'running'::text);

CREATE INDEX ops_work_claims_age ON public.ops_work_claims USING btree (claimed_at);

CREATE INDEX ops_workers_alive ON public.ops_workers USING btree (lease_expires_at) WHERE (ended_at IS NULL);

CREATE TRIGGER ops_event_batches_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ops_event_batches FOR EACH STATEMENT EXECUTE FUNCTION public.ops_refuse_change();

CREATE TRIGGER ops_events_append_only BEFORE UPDATE OR TRUNCATE ON public.ops_events FOR EACH STATEMENT EXECUTE FUNCTION public.ops_refuse_change();

CREATE TRIGGER ops_events_dropped_only_by_retention BEFORE DELETE ON public.ops_events FOR EACH STATEMENT WHEN ((current_setting('opsloop.pruning'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.ops_refuse_change();

CREATE TRIGGER ops_files_legal BEFORE UPDATE OF status ON public.ops_files FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) AND (NOT (((old.status = 'planned'::text) AND (new.status = ANY (ARRAY['taken'::text, 'finished'::text]))) OR ((old.status = 'taken'::text) AND (new.status = ANY (ARRAY['settled'::text, 'finished'::text]))) OR ((old.status = 'settled'::text) AND (new.status = 'finished'::text)) OR ((old.status = 'finished'::text) AND (new.status = 'taken'::text) AND (old.result = 'failed'::text)))))) EXECUTE FUNCTION public.ops_refuse_transition();

CREATE TRIGGER ops_missions_legal BEFORE UPDATE OF status ON public.ops_missions FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) AND (NOT ((old.status = 'active'::text) AND (new.status = ANY (ARRAY['completed'::text, 'failed'::text])))))) EXECUTE FUNCTION public.ops_refuse_transition();

CREATE TRIGGER ops_proposals_legal BEFORE UPDATE OF status ON public.ops_proposals FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) AND (NOT (((old.status = 'pending'::text) AND (new.status = ANY (ARRAY['approved'::text, 'rejected'::text]))) OR ((old.status = 'approved'::text) AND (new.status = 'completed'::text)))))) EXECUTE FUNCTION public.ops_refuse_transition();

CREATE TRIGGER ops_steps_legal BEFORE UPDATE OF status, claim_id ON public.ops_steps FOR EACH ROW WHEN ((((old.status IS DISTINCT FROM new.status) AND (NOT (((old.status = 'queued'::text) AND (new.status = ANY (ARRAY['running'::text, 'failed'::text]))) OR ((old.status = 'running'::text) AND (new.status = ANY (ARRAY['completed'::text, 'failed'::text, 'queued'::text])))))) OR ((old.status = new.status) AND (old.claim_id IS DISTINCT FROM new.claim_id)))) EXECUTE FUNCTION public.ops_refuse_transition();

ALTER TABLE ONLY public.ops_api_keys
    ADD CONSTRAINT ops_api_keys_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.ops_agent_config(agent_id);

ALTER TABLE ONLY public.ops_artefacts
    ADD CONSTRAINT ops_artefacts_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.ops_files(id);

ALTER TABLE ONLY public.ops_artefacts
    ADD CONSTRAINT ops_artefacts_step_id_fkey FOREIGN KEY (step_id) REFERENCES public.ops_steps(id);

ALTER TABLE ONLY public.ops_decision_links
    ADD CONSTRAINT ops_decision_links_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.ops_webhooks(webhook_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.ops_deliveries
    ADD CONSTRAINT ops_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.ops_webhooks(webhook_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_after_id_fkey FOREIGN KEY (after_id) REFERENCES public.ops_files(id);

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_note_fkey FOREIGN KEY (note) REFERENCES public.ops_artefacts(name) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_output_fkey FOREIGN KEY (output) REFERENCES public.ops_artefacts(name) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.ops_files(id);

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES public.ops_proposals(id);

ALTER TABLE ONLY public.ops_files_seen
    ADD CONSTRAINT ops_files_seen_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.ops_workspaces(id);

ALTER TABLE ONLY public.ops_files
    ADD CONSTRAINT ops_files_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.ops_workspaces(id);

ALTER TABLE ONLY public.ops_missions
    ADD CONSTRAINT ops_missions_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES public.ops_proposals(id);

ALTER TABLE ONLY public.ops_missions
    ADD CONSTRAINT ops_missions_retry_of_fkey FOREIGN KEY (retry_of) REFERENCES public.ops_missions(id);

ALTER TABLE ONLY public.ops_sessions
    ADD CONSTRAINT ops_sessions_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.ops_api_keys(key_id);

ALTER TABLE ONLY public.ops_steps
    ADD CONSTRAINT ops_steps_mission_id_fkey FOREIGN KEY (mission_id) REFERENCES public.ops_missions(id);
