-- Workers in any language: what the engine keeps of those that work over HTTP, and of the claims they were given.

alter table ops_workers alter pid drop not null, add key_id text;
comment on column ops_workers.pid is 'Null: it works over HTTP.';
comment on column ops_workers.kinds is 'Step kinds it works and how many of each at a time; over HTTP 1, for there each claim says how many.';
comment on column ops_workers.key_id is 'Whose key it works with over HTTP, and nobody else may speak for it. Null: a process of this program.';

alter table ops_api_keys add kinds text[],
  add constraint ops_api_keys_kinds check (kinds is null or (cardinality(kinds) > 0 and 'work' = any (scopes)));
comment on column ops_api_keys.kinds is 'The kinds of steps that it may claim; null: all that can be worked over HTTP.';

create table ops_work_claims (
  claim_id uuid primary key,
  step_id uuid not null,
  worker_id text not null,
  key_id text not null,
  attempt integer not null,
  secret_hash bytea not null,
  claimed_at timestamptz not null default clock_timestamp(),
  renewed_at timestamptz not null default clock_timestamp(),
  lease_expires_at timestamptz not null,
  ended jsonb
);
comment on table ops_work_claims is 'Claims that were given out over HTTP, each with a lease and a token of its own. Kept for an hour after their end, so that whoever missed an answer gets it again.';
comment on column ops_work_claims.attempt is 'Of the step, whose own counter goes on with the next claim.';
comment on column ops_work_claims.secret_hash is 'The digest of the token, which opens this one claim.';
comment on column ops_work_claims.lease_expires_at is 'Its distance from renewed_at is the length of the lease.';
comment on column ops_work_claims.ended is 'How it ended by its worker, where the step''s row does not say so; null while it may hold.';
-- By a time that renewals do not change, so that they rewrite no index entries.
create index ops_work_claims_age on ops_work_claims (claimed_at);
