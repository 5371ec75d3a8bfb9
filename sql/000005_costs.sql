-- What model calls cost in money.
alter table ops_llm_calls add column cost_usd numeric(14, 6);
comment on column ops_llm_calls.cost_usd is 'As the provider said it, else by policy prices at the time of the call; null: unknown.';

alter table ops_tallies add column cost_microusd bigint not null default 0;
comment on column ops_tallies.cost_microusd is 'Millionths of a US dollar. Unknown counts as nothing.';
