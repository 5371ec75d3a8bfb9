-- Schedules: proposals by clock.

create table ops_schedules (
  id uuid primary key,
  name text not null unique,
  agent_id text not null,
  kind text not null,
  title text not null,
  body text,
  priority smallint not null default 0,
  cron text,
  every_seconds integer,
  starts_at timestamptz,
  at timestamptz,
  timezone text not null,
  missed text not null,
  missed_most smallint not null,
  jitter_seconds integer not null,
  paused boolean not null default false,
  next_due_at timestamptz,
  next_run_at timestamptz,
  last_due_at timestamptz,
  last_proposal_id uuid,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by text not null,
  constraint ops_schedules_timing check (num_nonnulls(cron, every_seconds, at) = 1
    and (every_seconds is null) = (starts_at is null) and every_seconds >= 60),
  constraint ops_schedules_missed check (missed in ('skip', 'once', 'all') and missed_most > 0),
  constraint ops_schedules_next check ((next_due_at is null) = (next_run_at is null)
    and next_run_at >= next_due_at and not (paused and next_due_at is not null)),
  constraint ops_schedules_sizes check (char_length(title) <= 200 and octet_length(body) <= 262144
    and jitter_seconds >= 0)
);
comment on table ops_schedules is 'Proposals by clock. Moving on to the next due time and the proposal are one transaction, so each due time is proposed once, whoever comes for it.';
comment on column ops_schedules.agent_id is 'Whose proposals they are. Not a reference: an agent that is gone shows as a problem, and does not hold up whoever removes it.';
comment on column ops_schedules.cron is 'Five fields, read on the clock of the time zone. One of cron, every_seconds and at is set.';
comment on column ops_schedules.every_seconds is 'Time that passes between two due times, counted from starts_at, whatever clocks on walls show.';
comment on column ops_schedules.missed is 'Of the due times that nobody could take in time: skip proposes none, once the newest, all the newest missed_most.';
comment on column ops_schedules.jitter_seconds is 'Each due time is taken up to so much later; how much follows from the schedule and the due time, so all processes agree.';
comment on column ops_schedules.next_due_at is 'Null: paused, or nothing comes after the last one.';
comment on column ops_schedules.next_run_at is 'The next due time with its jitter: when it is taken.';
comment on column ops_schedules.last_due_at is 'The newest due time that was dealt with: proposed, or passed over by the rule for missed ones.';
comment on column ops_schedules.last_proposal_id is 'What became of it; null when it was passed over. Not a reference: retention can have dropped it.';
comment on column ops_schedules.version is 'Grows with every change. Whoever acts on a schedule names the version it saw, and changes nothing when there is a newer one.';

create index ops_schedules_next on ops_schedules (next_run_at) where next_run_at is not null;

-- The proposals of one schedule, the newest first. Others do not enter it.
create index ops_proposals_schedule on ops_proposals (created_by, id) where created_by like 'schedule:%';

comment on column ops_events.entity is 'Added: what it happened to: proposal, mission, step, artefact, file, workspace, schedule, policy, agent, key, worker, beat, installation or log; or report, for what others say they did.';
