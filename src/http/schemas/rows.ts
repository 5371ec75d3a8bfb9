import { z } from '@hono/zod-openapi';
import { ATTEMPT_ENDS } from '../../loop/attempts.ts';
import { MISSION_STATUSES } from '../../missions/schema.ts';
import { PROPOSAL_STATUSES } from '../../proposals/schema.ts';
import { STEP_STATUSES } from '../../steps/schema.ts';
import { Time } from './common.ts';

/** The rows of the loop as JSON. Their meaning is in the comments of `sql/`. */
export const Step = z
  .object({
    id: z.uuid(),
    mission_id: z.uuid().nullable(),
    kind: z.string(),
    title: z.string(),
    input: z.unknown(),
    output: z.unknown(),
    status: z.enum(STEP_STATUSES),
    worker_id: z.string().nullable(),
    claimed_at: Time.nullable(),
    completed_at: Time.nullable(),
    created_at: Time.nullable(),
    position: z.number().int(),
    agent_id: z.string(),
    proposal_id: z.uuid().nullable(),
    priority: z.number().int(),
    queue_no: z.number(),
    ready: z.boolean(),
    available_at: Time.nullable(),
    attempt: z.number().int(),
    failures: z.number().int(),
    max_failures: z.number().int(),
    failure: z.object({ class: z.string(), message: z.string(), attempt: z.number().int() }).nullable(),
  })
  .openapi('Step');

export const Mission = z
  .object({
    id: z.uuid(),
    proposal_id: z.uuid().nullable(),
    title: z.string(),
    status: z.enum(MISSION_STATUSES),
    created_at: Time.nullable(),
    completed_at: Time.nullable(),
    agent_id: z.string().nullable(),
    retry_of: z.uuid().nullable(),
    failure: z
      .object({
        class: z.enum(['step_failed', 'cancelled']),
        message: z.string(),
        step_id: z.string().nullable(),
        cause: z.unknown(),
      })
      .nullable(),
  })
  .openapi('Mission');

export const MissionWithSteps = z
  .object({ mission: Mission, steps: z.array(Step) })
  .openapi('MissionWithSteps');

/** What one gate said, and the count it saw. */
const Verdict = z.object({
  gate: z.string(),
  scope: z.string(),
  limit: z.number(),
  used: z.number().nullable().openapi({ description: 'Null: it could not be counted, so it refuses.' }),
  passed: z.boolean(),
});

export const Attempt = z
  .object({
    step_id: z.uuid(),
    attempt: z.number().int(),
    worker_id: z.string().nullable(),
    claimed_at: Time.nullable(),
    ended_at: Time.nullable(),
    ended_as: z.enum(ATTEMPT_ENDS).nullable().openapi({
      description:
        'lost: its worker died. stale: it ran longer than policy allows. cancelled: its mission ended. Null: it runs.',
    }),
    failure: z.object({ class: z.string(), message: z.string().nullable() }).nullable(),
    calls: z.array(
      z.object({
        model: z.string().nullable(),
        provider: z.string().nullable(),
        engine: z.string(),
        input_tokens: z.number().int().nullable(),
        output_tokens: z.number().int().nullable(),
        cost_usd: z.number().nullable().openapi({ description: 'Null: unknown.' }),
        first_token_ms: z.number().int().nullable(),
        load_ms: z.number().int().nullable(),
        duration_ms: z.number().int(),
        outcome: z.string(),
      }),
    ),
  })
  .openapi('Attempt');

export const Proposal = z
  .object({
    id: z.uuid(),
    agent_id: z.string(),
    kind: z.string(),
    title: z.string(),
    body: z.string().nullable(),
    status: z.enum(PROPOSAL_STATUSES),
    policy_snapshot: z.unknown(),
    created_at: Time.nullable(),
    decided_at: Time.nullable(),
    priority: z.number().int(),
    run_at: Time.nullable(),
    created_by: z.string().nullable(),
    traceparent: z.string().nullable().openapi({ description: 'Where in a trace it was proposed.' }),
    cap_day: z.string().nullable(),
    decision: z
      .object({
        by: z.string(),
        action: z.enum(['admitted', 'approved', 'rejected']),
        reason: z.string(),
        verdicts: z.array(Verdict),
        day: z.string(),
        resets_at: z.string(),
      })
      .nullable(),
    original: z.object({ title: z.string(), body: z.string().nullable() }).nullable(),
    outcome: z.enum(['succeeded', 'failed', 'cancelled']).nullable(),
    completed_at: Time.nullable(),
  })
  .openapi('Proposal');

export const ProposalWithMission = z
  .object({ proposal: Proposal, mission: MissionWithSteps.nullable() })
  .openapi('ProposalWithMission');

export const Why = z
  .object({
    entity: z.enum(['proposal', 'mission', 'step']),
    id: z.uuid(),
    status: z.string(),
    settled: z.boolean(),
    next: z.string(),
    by: z.string().nullable(),
    at: Time.nullable(),
  })
  .openapi('Why', { description: 'What moves this next, when, and by whom.' });

export const Event = z
  .object({
    seq: z.number().int(),
    id: z.number().int(),
    kind: z.string(),
    source: z.string().nullable(),
    payload: z.unknown(),
    created_at: Time,
    entity: z.string().nullable(),
    entity_id: z.string().nullable(),
    proposal_id: z.uuid().nullable(),
  })
  .openapi('Event');
