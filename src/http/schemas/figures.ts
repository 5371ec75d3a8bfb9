import { z } from '@hono/zod-openapi';
import { WINDOWS } from '../../tallies/schema.ts';
import { Time } from './common.ts';

const Int = z.number().int();
const Day = z.iso.date();
const Cost = z.number().openapi({ description: 'In US dollars, of the model calls whose cost is known.' });
const Through = Time.openapi({ description: 'Counted up to this time.' });

const bucketShape = {
  proposals: Int,
  rejected: Int,
  succeeded: Int.openapi({
    description: 'Ends of missions, as failed and cancelled; one that is tried again ends again.',
  }),
  failed: Int,
  cancelled: Int,
  steps: Int.openapi({ description: 'Steps that were completed.' }),
  step_failures: Int.openapi({ description: 'Attempts that failed, also where another one followed.' }),
  outputs: Int.openapi({ description: 'Outputs that were written into the workspace.' }),
  tokens: Int,
  cost_usd: Cost,
  wait_p50_ms: Int.nullable().openapi({
    description: 'From claimable to the first claim, of the steps that were claimed. Null: none was.',
  }),
  wait_p95_ms: Int.nullable(),
};

export const Stats = z
  .object({
    window: z.enum(WINDOWS),
    bucket_seconds: Int,
    through: Through,
    buckets: z.array(z.object({ at: Time, ...bucketShape })).openapi({
      description: 'The oldest first; the last one is under way.',
    }),
    totals: z.object(bucketShape),
  })
  .openapi('Stats');

const agentShape = {
  proposals: Int,
  succeeded: Int,
  failed: Int,
  rejected: Int,
  success_share: z.number().nullable().openapi({
    description: 'Of the missions that succeeded or failed; null when none did.',
  }),
  tokens: Int,
  cost_usd: Cost,
  work_ms: Int.openapi({ description: 'From claim to completion, of the completed steps.' }),
  steps: Int,
};

export const AgentStats = z
  .object({
    through: Through,
    days: z.array(Day).openapi({ description: "Days of the policy's time zone, the oldest first." }),
    agents: z.array(
      z.object({
        agent_id: z.string(),
        ...agentShape,
        days: z.array(z.object({ day: Day, ...agentShape })).openapi({
          description: 'Days on which it did nothing are left out.',
        }),
      }),
    ),
  })
  .openapi('AgentStats');

const Use = z.object({ limit: Int, used: Int }).openapi('Use');

export const Caps = z
  .object({
    day: Day,
    timezone: z.string(),
    resets_at: Time,
    proposals: Use.nullable().openapi({ description: "Of all agents; null for an agent's key." }),
    tokens: Use.nullable(),
    agents: z.array(z.object({ agent_id: z.string(), proposals: Use, tokens: Use })),
    kinds: z.array(z.object({ kind: z.string(), limit: Int, used: Int })).openapi({
      description: 'Kinds that have a cap, which all agents share.',
    }),
  })
  .openapi('Caps');
