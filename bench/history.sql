-- A long history by bulk insert: {missions} finished missions of {steps} steps each, with their proposals and
-- events, sealed in batches of {batch}.
-- Constraints and triggers are switched off for it, so it needs a superuser.
set session_replication_role = replica;

create function pg_temp.nth(n bigint, what text) returns uuid language sql immutable
  return ('01000000-' || what || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;

insert into ops_proposals (id, agent_id, kind, title, body, status, policy_snapshot, created_at, decided_at,
                           created_by, cap_day, decision, outcome, completed_at)
select pg_temp.nth(n, 'aaaa'), 'agent-' || n % 50, 'analysis', 'History ' || n, repeat('A fact. ', 20), 'completed',
       (select jsonb_object_agg(key, value) from ops_policy), now() - interval '1 day', now() - interval '1 day',
       'policy', current_date - 1, '{"by": "policy", "action": "approved", "verdicts": []}', 'succeeded', now()
from generate_series(1, {missions}) as n;

insert into ops_missions (id, proposal_id, title, status, created_at, completed_at, agent_id)
select pg_temp.nth(n, 'bbbb'), pg_temp.nth(n, 'aaaa'), 'History ' || n, 'completed', now() - interval '1 day', now(),
       'agent-' || n % 50
from generate_series(1, {missions}) as n;

insert into ops_steps (id, mission_id, kind, title, input, output, status, worker_id, claimed_at, completed_at,
                       position, agent_id, proposal_id, claim_id, attempt)
select pg_temp.nth(n * 100 + k, 'cccc'), pg_temp.nth(n, 'bbbb'), 'analyze', 'analyze: History ' || n, '{}',
       '{"text": "done"}', 'completed', 'w-' || n % 20, now() - interval '1 day', now(), k, 'agent-' || n % 50,
       pg_temp.nth(n, 'aaaa'), gen_random_uuid(), 1
from generate_series(1, {missions}) as n, generate_series(1, {steps}) as k;

insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
select 'mission.completed', 'missions', 'mission', pg_temp.nth(n, 'bbbb')::text, pg_temp.nth(n, 'aaaa'),
       '{"from": "active", "to": "completed", "cause": {"by": "history"}}'
from generate_series(1, {missions}) as n;

insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
select kind, 'worker', 'step', pg_temp.nth(n * 100 + k, 'cccc')::text, pg_temp.nth(n, 'aaaa'),
       '{"to": "completed", "from": "running", "cause": {"by": "history"}, "set": {"attempt": 1, "output": "sha256:a14d547fb4a0a19c23acb3b3942d0ca0a00bb6eb09e205ac055f846ec322465e"}}'
from generate_series(1, {missions}) as n, generate_series(1, {steps}) as k,
     unnest(array['step.started', 'step.completed']) as kind;

-- Digests that nobody compares.
insert into ops_event_batches (first_seq, last_seq, ids, digests, hash, max_event_id, gaps)
select seq + from_id - first_id + 1, seq + through_id - first_id + 1, int8multirange(int8range(from_id, through_id + 1)),
       decode(repeat('00', 32 * (through_id - from_id + 1)::integer), 'hex'), '', through_id, '{}'
from (select coalesce(max(last_seq), 0) as seq, coalesce(max(max_event_id), 0) + 1 as first_id from ops_event_batches)
       as head,
     (select max(id) as last_id from ops_events) as log,
     generate_series(first_id, last_id, {batch}) as from_id,
     lateral (select least(from_id + {batch} - 1, last_id) as through_id) as batch;

set session_replication_role = origin;
