import { z } from '@hono/zod-openapi';
import { Time } from './common.ts';

const Outcome = z.enum(['auto_approved', 'pending', 'refused']);
const Totals = z.object({
  auto_approved: z.number().int(),
  pending: z.number().int(),
  refused: z.number().int(),
});
const StepCounts = z.record(z.string(), z.number().int());

const Comparison = z.object({
  applies: z.literal(true),
  proposals: z.number().int().openapi({ description: 'How many were replayed.' }),
  from: Time.openapi({ description: 'The time from which on they were made.' }),
  truncated: z.boolean().openapi({
    description:
      'There were more than 50,000: only the newest whole days are in it, or the first 50,000 of today.',
  }),
  before: Totals,
  after: Totals,
  changes: z.array(
    z.object({
      from: Outcome,
      to: Outcome,
      gate: z.string().nullable().openapi({ description: 'That refuses, before or after.' }),
      count: z.number().int(),
      examples: z.array(
        z.object({
          id: z.uuid(),
          title: z.string(),
          agent_id: z.string(),
          kind: z.string(),
          created_at: Time.nullable(),
        }),
      ),
    }),
  ),
  steps: z
    .object({ before: StepCounts, after: StepCounts })
    .openapi({ description: 'Steps by kind that the proposals not refused become when they are approved.' }),
});

/** What a change of the policy would do. */
export const Preview = z
  .discriminatedUnion('applies', [
    Comparison,
    z.object({
      applies: z.literal(false),
      acts_on: z.string().openapi({ description: 'What this key acts on, which is no proposal.' }),
    }),
  ])
  .openapi('PolicyPreview');
