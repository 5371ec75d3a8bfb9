-- Calls to the outside when a human is needed.

create table ops_alerts (
  key text primary key,
  topic text not null,
  message text not null,
  raised_at timestamptz not null default now(),
  told_at timestamptz not null default now(),
  times integer not null default 1
);
comment on table ops_alerts is 'What is not as it should be right now. Raising and clearing are events; of what waits for a decision the row counts the reminders.';
comment on column ops_alerts.key is 'What it is about: problem:<code>, cap:<scope>, waiting:<proposal>.';

create table ops_watch (
  holder uuid,
  held_until timestamptz
);
comment on table ops_watch is 'One row: which process watches for alerts. It stays with one for as long as it renews, because each sees its own machine.';
insert into ops_watch default values;

create table ops_webhooks (
  webhook_id uuid primary key,
  name text not null unique,
  url text not null,
  template text not null,
  options jsonb not null default '{}',
  topics text[] not null,
  agents text[],
  links_by text,
  paused boolean not null default false,
  failing_since timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  created_by text not null,
  updated_at timestamptz not null default now(),
  constraint ops_webhooks_template check (template in ('json', 'ntfy', 'telegram', 'slack', 'discord')),
  constraint ops_webhooks_topics check (cardinality(topics) > 0)
);
comment on table ops_webhooks is 'Where to call, and for what. Secrets are named ({secret:name} in the url) and never stored here.';
comment on column ops_webhooks.topics is 'Each is a topic or the beginning of topics: problem, problem.no_beat.';
comment on column ops_webhooks.agents is 'Only what belongs to these; null: to anybody or nobody.';
comment on column ops_webhooks.links_by is 'The key that decides when somebody follows a link in a call; null: calls have no such links.';

create table ops_webhook_place (
  seq bigint not null default 0
);
comment on table ops_webhook_place is 'One row: the events up to this place have become deliveries. Moved in the transaction that stores them.';
insert into ops_webhook_place default values;

create table ops_deliveries (
  delivery_id uuid primary key,
  webhook_id uuid not null references ops_webhooks on delete cascade,
  topic text not null,
  about jsonb not null,
  event_id bigint,
  status text not null default 'waiting',
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  claim_id uuid,
  claimed_until timestamptz,
  last_status integer,
  last_error text,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint ops_deliveries_status check (status in ('waiting', 'delivered', 'skipped', 'dead')),
  constraint ops_deliveries_ended check ((status = 'waiting') = (ended_at is null)),
  constraint ops_deliveries_once unique (webhook_id, event_id)
);
comment on table ops_deliveries is 'One call to one webhook. Its id goes along at every try, so that a receiver knows it again.';
comment on column ops_deliveries.event_id is 'The event that it tells of; null: a test.';
comment on column ops_deliveries.claim_id is 'Who sends it now; after claimed_until anybody may.';
create index ops_deliveries_due on ops_deliveries (next_at) where status = 'waiting';
create index ops_deliveries_list on ops_deliveries (webhook_id, delivery_id desc);
create index ops_deliveries_ended on ops_deliveries (ended_at) where status <> 'waiting';

create table ops_decision_links (
  link_id text primary key,
  secret_hash bytea not null,
  proposal_id uuid not null,
  webhook_id uuid not null references ops_webhooks on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
comment on table ops_decision_links is 'Links with which one proposal is decided once, for the key that the webhook names; kept as digests.';
create index ops_decision_links_age on ops_decision_links (expires_at);
