import { z } from '@hono/zod-openapi';
import type { LlmCall } from '../../engine/schema.ts';
import { cleanText } from '../../lib/clean-text.ts';
import { Name } from '../../lib/name.ts';
import { strict } from '../refuse-invalid.ts';
import { Time } from './common.ts';

/** What workers over HTTP send and get. */
const WORKER =
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WorkerName = z
  .string()
  .regex(
    WORKER,
    'a name and a uuid, as in "vps-1-0190a000-0000-4000-8000-000000000000"; draw the uuid at each start',
  )
  .openapi({ description: 'Names the worker for one boot; ends in a uuid that is drawn at its start.' });

const seconds = (least: number, most: number, usual: number, description: string) =>
  z
    .number()
    .min(least)
    .max(most)
    .default(usual)
    .transform((count) => count * 1_000)
    .openapi({ type: 'number', minimum: least, maximum: most, default: usual, description });

export const ClaimBody = strict({
  worker: WorkerName,
  kinds: z.array(Name).min(1).max(50),
  most: z.number().int().min(1).max(100).default(1).openapi({ description: 'Most steps to claim.' }),
  wait_seconds: seconds(0, 30, 0, 'How long to wait for a step when there is none.'),
  lease_seconds: seconds(10, 600, 30, 'How long each claim holds without renewal.'),
});

export const RenewBody = strict({
  worker: WorkerName,
  claims: z.array(z.uuid()).max(1_000).optional().openapi({
    description:
      'The claims that the worker knows of. Others that it was given more than 10 s ago were lost on their way and go back to the queue. Left out: all that it holds.',
  }),
});

export const LeaveBody = strict({ worker: WorkerName });

const Count = z.number().min(0).nullable().optional();
const Text = z.string().max(200).transform(cleanText);
/** One model call. What is not known is left out. */
const Call = strict({
  engine: Text.default('remote'),
  provider: Text.nullable().optional(),
  model: Text.nullable().optional(),
  input_tokens: Count,
  output_tokens: Count,
  cost_usd: Count.openapi({ description: 'As the provider says it; else policy prices reckon it.' }),
  first_token_ms: Count,
  load_ms: Count,
  duration_ms: z.number().min(0).default(0),
  outcome: Text.default('stop'),
}).openapi('ModelCall');
const Calls = z
  .array(Call)
  .max(100)
  .default([])
  .openapi({ description: 'Model calls of this attempt; their tokens count against the caps.' });

export const CompleteBody = strict({
  output: z
    .unknown()
    .openapi({ description: 'Any JSON of at most 512 KiB. NUL and lone surrogates become U+FFFD.' }),
  usage: Calls,
}).openapi({ required: ['output'] });

const FailureClass = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'a word of a-z, 0-9 and "_", such as "no_answer"');

export const FailBody = strict({
  class: FailureClass.default('error'),
  message: z.string().min(1),
  final: z.boolean().default(false).openapi({ description: 'No further attempt can help.' }),
  output: z.unknown().optional(),
  usage: Calls,
});

export const ReleaseBody = strict({
  retry_in_seconds: seconds(0, 3_600, 0, 'The step is not claimed again before.'),
  reason: FailureClass.default('released').openapi({
    description: 'For people and programs that read the log.',
  }),
  message: z.string().optional(),
  usage: Calls,
});

/** @returns the calls as the engine keeps them */
export function toCalls(calls: z.infer<typeof Calls>): LlmCall[] {
  return calls.map((call) => ({
    engine: call.engine,
    provider: call.provider ?? null,
    model: call.model ?? null,
    inputTokens: call.input_tokens ?? null,
    outputTokens: call.output_tokens ?? null,
    costUsd: call.cost_usd ?? null,
    firstTokenMs: call.first_token_ms ?? null,
    loadMs: call.load_ms ?? null,
    durationMs: call.duration_ms,
    outcome: call.outcome,
  }));
}

const GivenClaim = z
  .object({
    claim_id: z.uuid(),
    token: z
      .string()
      .openapi({ description: 'Opens this claim alone. Shown once; only its digest is stored.' }),
    lease_expires_at: Time.openapi({ description: "By the database's clock." }),
    renew_every_seconds: z.number(),
    step: z.object({
      id: z.uuid(),
      mission_id: z.uuid().nullable(),
      proposal_id: z.uuid().nullable(),
      kind: z.string(),
      title: z.string(),
      input: z.unknown(),
      position: z.number().int(),
      agent_id: z.string(),
      attempt: z.number().int(),
      failures: z.number().int(),
      priority: z.number().int(),
    }),
    proposal: z
      .object({ id: z.uuid(), kind: z.string(), title: z.string(), body: z.string().nullable() })
      .nullable(),
    agent: z.object({
      agent_id: z.string(),
      role: z.string().nullable(),
      model_override: z.string().nullable(),
    }),
    prior: z
      .array(z.object({ kind: z.string(), title: z.string(), output: z.unknown() }))
      .openapi({ description: 'What the steps before it produced.' }),
  })
  .openapi('WorkClaim');
export const GivenClaims = z.object({ claims: z.array(GivenClaim) });

const ABORTS = ['claim_lost', 'paused'] as const;
export const Renewed = z
  .object({
    claim_id: z.uuid(),
    lease_expires_at: Time.nullable(),
    abort: z.enum(ABORTS).nullable().openapi({
      description:
        'Stop working on it. claim_lost: it was cancelled, or its lease ran out; nothing of it is stored any more. paused: release it.',
    }),
  })
  .openapi('RenewedClaim');

export const Ended = z
  .object({
    ended_as: z.enum(['completed', 'failed', 'released']),
    final: z.boolean().optional().openapi({ description: 'Of a failure: there is no further attempt.' }),
  })
  .openapi('EndedClaim');
