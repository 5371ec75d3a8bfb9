import type { Db } from '../db/database.ts';

/** An event of a step, with what of it tells of an attempt. */
export type StepEvent = {
  kind: string;
  /** Who wrote it: the worker, the heartbeat, or the end of the mission. */
  source: string;
  step_id: string;
  at: Date;
  /** What it came from: `running`, but for what was ended before it began. */
  from: string | null;
  /** Null in what a mission's end wrote: that names no claim. */
  attempt: number | null;
  worker_id: string | null;
  reason: string | null;
  failure: { class: string; message: string; attempt: number } | null;
};

/** The newest events of these steps in the thread of their proposal, the newest first. */
export function selectStepEvents(
  db: Db,
  given: { proposalId: string; stepIds: string[]; limit: number },
): Promise<StepEvent[]> {
  return db.query<StepEvent>(
    `select kind, source, entity_id as step_id, created_at as at, payload ->> 'from' as from,
       (coalesce(payload -> 'set' ->> 'attempt', payload ->> 'attempt'))::integer as attempt,
       payload -> 'set' ->> 'worker_id' as worker_id, payload -> 'cause' ->> 'reason' as reason,
       payload -> 'set' -> 'failure' as failure
     from (
       select id, kind, source, entity_id, created_at, payload from ops_events
       where proposal_id = $1 and entity = 'step' and entity_id = any ($2::text[])
         and kind in ('step.started', 'step.completed', 'step.failed', 'step.released')
       order by id desc limit $3) as newest
     order by id desc`,
    [given.proposalId, given.stepIds, given.limit],
  );
}

/** A model call of an attempt. Unknown is null, not 0. */
export type CallRow = {
  step_id: string;
  attempt: number;
  model: string | null;
  provider: string | null;
  engine: string;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_usd: number | null;
  first_token_ms: number | null;
  load_ms: number | null;
  duration_ms: number;
  outcome: string;
};

/** The calls of these steps, those of the newest attempts first: by any other order another index would be walked. */
export function selectCalls(db: Db, stepIds: string[], limit: number): Promise<CallRow[]> {
  return db.query<CallRow>(
    `select step_id, attempt, model, provider, engine, input_tokens, output_tokens,
       cost_usd::float8 as cost_usd, first_token_ms, load_ms, duration_ms, outcome
     from ops_llm_calls where step_id = any ($1::uuid[]) order by attempt desc, id desc limit $2`,
    [stepIds, limit],
  );
}
