-- A history as the program of the first release would have written it: {missions} finished missions of {steps} steps
-- each, one that waits, one in work and one proposal to be decided, all with their events. One transaction, so that
-- rows and events have one time. Triggers are switched off for it, so it needs a superuser.
set session_replication_role = replica;

create function pg_temp.nth(n bigint, what text) returns uuid language sql immutable
  return ('01000000-' || what || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;

create function pg_temp.decision(n bigint, agent text, kind text, action text, reason text) returns jsonb language sql stable
  return jsonb_build_object('by', 'policy', 'action', action, 'reason', reason, 'day', current_date,
    'resets_at', now(), 'verdicts', jsonb_build_array(
      jsonb_build_object('gate', 'daily_caps.per_agent', 'scope', 'agent:' || agent, 'limit', 1000000, 'used', (n - 1) / 50, 'passed', true),
      jsonb_build_object('gate', 'daily_caps.total', 'scope', 'total', 'limit', 1000000, 'used', n - 1, 'passed', true))
    || case kind when 'deploy' then jsonb_build_array(jsonb_build_object(
         'gate', 'kind_caps', 'scope', 'kind:deploy', 'limit', 10, 'used', 0, 'passed', true)) else '[]' end);

insert into ops_proposals (id, agent_id, kind, title, body, status, policy_snapshot, decided_at, created_by, cap_day,
                           decision, outcome, completed_at)
select pg_temp.nth(n, 'aaaa'), agent, kind, 'History ' || n, repeat('A fact. ', 20), status,
       (select jsonb_object_agg(key, value) from ops_policy), case when status <> 'pending' then now() end, 'key:then',
       current_date, pg_temp.decision(n, agent, kind, case status when 'pending' then 'admitted' else 'approved' end, 'as policy says'),
       case status when 'completed' then 'succeeded' end, case status when 'completed' then now() end
from generate_series(1, {missions} + 3) as n, lateral (
  select 'agent-' || n % 50 as agent,
    case when n = {missions} + 3 then 'deploy' else 'analysis' end as kind,
    case when n <= {missions} then 'completed' when n = {missions} + 3 then 'pending' else 'approved' end as status) as given;

insert into ops_missions (id, proposal_id, title, status, completed_at, agent_id)
select pg_temp.nth(n, 'bbbb'), pg_temp.nth(n, 'aaaa'), 'History ' || n,
       case when n <= {missions} then 'completed' else 'active' end, case when n <= {missions} then now() end,
       'agent-' || n % 50
from generate_series(1, {missions} + 2) as n;

-- Of the two that are open the first step waits, and is in work; the others wait for it.
insert into ops_steps (id, mission_id, kind, title, input, output, status, worker_id, claimed_at, completed_at,
                       position, agent_id, proposal_id, claim_id, attempt, ready)
select pg_temp.nth(n * 100 + k, 'cccc'), pg_temp.nth(n, 'bbbb'), 'analyze', 'analyze: History ' || n, '{}',
       case when status = 'completed' then '{"text": "done"}'::jsonb end, status,
       case when status <> 'queued' then 'w-then' end, case when status <> 'queued' then now() end,
       case when status = 'completed' then now() end, k, 'agent-' || n % 50, pg_temp.nth(n, 'aaaa'),
       case when status <> 'queued' then pg_temp.nth(n * 100 + k, 'dddd') end,
       case when status <> 'queued' then 1 else 0 end, n = {missions} + 1 and k = 1
from generate_series(1, {missions} + 2) as n, generate_series(1, {steps}) as k, lateral (
  select case when n <= {missions} then 'completed' when n = {missions} + 2 and k = 1 then 'running' else 'queued' end
    as status) as given;

insert into ops_workers (worker_id, host, pid, version, kinds, lease_expires_at)
values ('w-then', 'then', 1, '0.1.0', '{"analyze": 1}', now());
insert into ops_events (kind, source, entity, entity_id, payload)
values ('worker.started', 'worker', 'worker', 'w-then', '{"from": null, "to": "alive", "cause": {"by": "w-then"},
  "set": {"host": "then", "pid": 1, "version": "0.1.0", "kinds": {"analyze": 1}}}');

insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
select e.kind, 'then', e.entity, e.entity_id::text, p.id, jsonb_build_object('cause', '{"by": "then"}'::jsonb) || e.payload
from ops_proposals p left join ops_missions m on m.proposal_id = p.id, lateral (
  select 1 as n, 'proposal.created' as kind, 'proposal' as entity, p.id as entity_id,
    jsonb_build_object('from', null, 'to', 'pending', 'set', jsonb_build_object('agent_id', p.agent_id, 'kind', p.kind,
      'title', p.title, 'body', ops_digest(p.body), 'priority', 0, 'run_at', null, 'cap_day', p.cap_day,
      'created_by', p.created_by, 'policy_snapshot', ops_digest(p.policy_snapshot::text), 'decision', p.decision)) as payload
  union all
  select 2, 'proposal.approved', 'proposal', p.id, jsonb_build_object('from', 'pending', 'to', 'approved',
    'cause', jsonb_build_object('by', 'policy'), 'set', jsonb_build_object('decision', p.decision)) where m.id is not null
  union all
  select 3, 'mission.created', 'mission', m.id, jsonb_build_object('from', null, 'to', 'active',
    'set', jsonb_build_object('proposal_id', p.id, 'title', m.title, 'agent_id', m.agent_id, 'retry_of', null),
    'steps', (select jsonb_agg(jsonb_build_object('id', s.id, 'kind', s.kind, 'title', s.title, 'position', s.position,
        'priority', 0, 'input', ops_digest(s.input::text), 'max_failures', 3) order by s.position)
      from ops_steps s where s.mission_id = m.id)) where m.id is not null
  union all
  select 3 + 2 * s.position + at, told.kind, 'step', s.id, told.payload
  from ops_steps s, lateral (values
    (0, 'step.started', jsonb_build_object('from', 'queued', 'to', 'running', 'set', jsonb_build_object(
       'worker_id', s.worker_id, 'claim_id', s.claim_id, 'attempt', 1))),
    (1, 'step.completed', jsonb_build_object('from', 'running', 'to', 'completed', 'set', jsonb_build_object(
       'claim_id', s.claim_id, 'attempt', 1, 'output', ops_digest(s.output::text))))) as told(at, kind, payload)
  where s.mission_id = m.id and (s.status = 'completed' or s.status = 'running' and at = 0)
  union all
  select 1000 + at, told.kind, told.entity, told.id, told.payload from (values
    (0, 'mission.completed', 'mission', m.id, '{"from": "active", "to": "completed"}'::jsonb),
    (1, 'proposal.completed', 'proposal', p.id, '{"from": "approved", "to": "completed", "set": {"outcome": "succeeded"}}'))
    as told(at, kind, entity, id, payload)
  where m.status = 'completed') as e
order by p.id, e.n;

set session_replication_role = origin;
