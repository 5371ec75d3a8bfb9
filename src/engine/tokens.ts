import type { Db } from '../db/database.ts';
import type { Claim, LlmCall } from './schema.ts';

/** A subselect, so that it is computed once and can be looked up in an index. */
const TODAY = `(select (clock_timestamp() at time zone coalesce(
  (select value ->> 'timezone' from ops_policy where key = 'daily_caps'), 'UTC'))::date)`;

/** What the columns hold. A server can count whatever it likes; that must not stand in the way of its answer. */
const MOST_COUNT = 2_147_483_647;
/** More than any model takes or gives in one call: such a count is a mistake of the server, so it is unknown. */
const MOST_TOKENS = 10_000_000;
/** The same for money. */
const MOST_USD = 100_000;

/**
 * Keeps what the model calls of an attempt cost, and adds their tokens to the day: also when the claim was
 * lost, for they are spent. An attempt's calls are kept once, however often an ambiguous commit is repeated;
 * the step's own row must have been written before in the transaction, which makes a repeat wait for the first.
 */
export async function recordCalls(
  tx: Db,
  claim: Pick<Claim, 'id' | 'attempt' | 'claim_id' | 'agent_id' | 'proposal_id'>,
  calls: readonly LlmCall[],
): Promise<void> {
  if (calls.length === 0) return;
  const rows = calls.map(({ engine, provider, model, outcome, ...counts }) => ({
    engine,
    provider,
    model,
    outcome,
    input_tokens: toTokens(counts.inputTokens),
    output_tokens: toTokens(counts.outputTokens),
    cost_usd: toCost(counts.costUsd),
    first_token_ms: toCount(counts.firstTokenMs),
    load_ms: toCount(counts.loadMs),
    duration_ms: toCount(counts.durationMs) ?? 0,
  }));
  await tx.query(
    `with given as materialized (
       select * from rows from (jsonb_to_recordset($1::jsonb) as
         (engine text, provider text, model text, outcome text, input_tokens integer, output_tokens integer,
          cost_usd numeric, first_token_ms integer, load_ms integer, duration_ms integer)) with ordinality
       where not exists (select from ops_llm_calls where step_id = $2 and claim_id = $4)),
     prices as materialized (select value from ops_policy where key = 'prices'),
     priced as (
       select given.*, coalesce(
         (select value -> (provider || ':' || model) from prices), (select value -> (provider || ':*') from prices)) as price
       from given),
     calls as (
       insert into ops_llm_calls (step_id, attempt, claim_id, agent_id, engine, provider, model, input_tokens,
         output_tokens, cost_usd, first_token_ms, load_ms, duration_ms, outcome)
       select $2, $3, $4, $5, engine, provider, model, input_tokens, output_tokens, coalesce(cost_usd, round(
           (input_tokens * (price ->> 'input')::numeric + output_tokens * (price ->> 'output')::numeric) / 1000000, 6)),
         first_token_ms, load_ms, duration_ms, outcome
       from priced order by ordinality
       returning *),
     spent as (
       select sum(coalesce(input_tokens, 0)::bigint + coalesce(output_tokens, 0)) as tokens from calls),
     counted as (
       insert into ops_counters as c (day, scope, used)
       select ${TODAY}, scope, tokens from spent, unnest($7::text[]) as scope where tokens > 0 order by scope
       on conflict (day, scope) do update set used = c.used + excluded.used)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'model.called', 'worker', 'step', step_id::text, $6::uuid, jsonb_build_object(
       'cause', jsonb_build_object('by', 'claim:' || claim_id), 'set', to_jsonb(calls) - 'id' - 'created_at' - 'step_id')
     from calls order by id`,
    [
      JSON.stringify(rows),
      claim.id,
      claim.attempt,
      claim.claim_id,
      claim.agent_id,
      claim.proposal_id,
      ['tokens', `tokens:${claim.agent_id ?? ''}`],
    ],
    'opsloop_calls',
  );
}

function toTokens(number: number | null): number | null {
  return number !== null && number > MOST_TOKENS ? null : toCount(number);
}

function toCost(usd: number | null): number | null {
  return usd === null || !(usd >= 0 && usd <= MOST_USD) ? null : usd;
}

function toCount(number: number | null): number | null {
  return number === null || Number.isNaN(number)
    ? null
    : Math.round(Math.min(Math.max(number, 0), MOST_COUNT));
}

export type TokenBlocks = { everybody: boolean; agents: string[] };

/** Who has reached a token cap today: their model steps wait until tomorrow, or until the cap is raised. */
export async function tokenBlocks(db: Db): Promise<TokenBlocks> {
  const [row] = await db.query<TokenBlocks>(
    `with caps as (select value from ops_policy where key = 'token_caps'),
     spent as (select scope, used from ops_counters where day = ${TODAY} and scope like 'tokens%')
     select coalesce((select used from spent where scope = 'tokens'), 0) >= (select (value ->> 'total')::bigint from caps)
              or (select (value ->> 'per_agent')::bigint from caps) = 0 as everybody,
       array(select substr(scope, 8) from spent
             where scope like 'tokens:%' and used >= (select (value ->> 'per_agent')::bigint from caps)) as agents`,
    [],
    'opsloop_token_blocks',
  );
  return { everybody: row?.everybody ?? true, agents: row?.agents ?? [] };
}
