import type { Db } from '../db/database.ts';
import type { Claim, LlmCall } from './schema.ts';

const TODAY = `(clock_timestamp() at time zone coalesce(
  (select value ->> 'timezone' from ops_policy where key = 'daily_caps'), 'UTC'))::date`;

/** Keeps what a model call cost, and adds its tokens to the day: also when the claim was lost, for they are spent. */
export async function recordCall(tx: Db, claim: Claim, call: LlmCall): Promise<void> {
  await tx.query(
    `with call as (
       insert into ops_llm_calls (step_id, attempt, claim_id, agent_id, engine, provider, model, input_tokens,
         output_tokens, first_token_ms, load_ms, duration_ms, outcome)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       returning *)
     insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select 'model.called', 'worker', 'step', step_id::text, $14::uuid, jsonb_build_object(
       'cause', jsonb_build_object('by', 'claim:' || claim_id), 'set', to_jsonb(call) - 'id' - 'created_at' - 'step_id')
     from call`,
    [
      claim.id,
      claim.attempt,
      claim.claim_id,
      claim.agent_id,
      call.engine,
      call.provider,
      call.model,
      call.inputTokens,
      call.outputTokens,
      call.firstTokenMs,
      call.loadMs,
      Math.round(call.durationMs),
      call.outcome,
      claim.proposal_id,
    ],
  );
  const tokens = (call.inputTokens ?? 0) + (call.outputTokens ?? 0);
  if (tokens === 0) return;
  await tx.query(
    `insert into ops_counters as c (day, scope, used)
     select ${TODAY}, scope, $1 from unnest($2::text[]) as scope order by scope
     on conflict (day, scope) do update set used = c.used + excluded.used`,
    [tokens, ['tokens', `tokens:${claim.agent_id ?? ''}`]],
  );
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
