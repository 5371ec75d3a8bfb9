import { z } from '@hono/zod-openapi';
import { Time } from './common.ts';

const Int = z.number().int();

const Count = z
  .object({ count: Int, more: z.boolean() })
  .openapi('Count', { description: 'Counting stops at a bound; `more` says that it did.' });

export const LoopCounts = z
  .object({
    day: z.iso.date().openapi({ description: "Today in the policy's time zone." }),
    proposals: z.object({ pending: Count, admitted_today: Int, rejected_today: Int }),
    missions: z.object({ active: Count }),
    steps: z.array(
      z.object({
        kind: z.string(),
        ready: Count,
        delayed: Count.openapi({ description: 'For a time, or before another try.' }),
        waiting: Count.openapi({ description: 'For the step before them.' }),
        running: Count,
      }),
    ),
    outputs: z.object({ unwritten: Count, published_today: Int }),
    through: Time.openapi({ description: 'What is said of today is counted up to this time.' }),
  })
  .openapi('LoopCounts');

export const Attention = z
  .object({
    needs_human: z.object({
      proposals: z.array(
        z.object({
          id: z.uuid(),
          agent_id: z.string(),
          kind: z.string(),
          title: z.string(),
          created_at: Time.nullable(),
          why: z.string(),
        }),
      ),
      more_proposals: z.boolean(),
      missions: z
        .array(
          z.object({
            id: z.uuid(),
            title: z.string(),
            agent_id: z.string().nullable(),
            message: z.string(),
            completed_at: Time.nullable(),
          }),
        )
        .openapi({ description: 'Failed in the last 7 days and not tried again, the oldest first.' }),
      more_missions: z.boolean(),
      problems: z.array(z.string()).openapi({ description: 'As in /api/ops/health.' }),
    }),
    stuck: z
      .array(
        z.object({
          why: z
            .string()
            .openapi({ description: 'What moves them next; of failures of one class that of one of them.' }),
          by: z.string().nullable(),
          at: Time.nullable().openapi({ description: 'When the first of them moves by itself.' }),
          count: Int,
          more: z.boolean().openapi({ description: 'Looking stopped at a bound; there can be more.' }),
          examples: z.array(
            z.object({
              entity: z.enum(['mission', 'step']),
              id: z.uuid(),
              title: z.string(),
              agent_id: z.string(),
              since: Time,
            }),
          ),
        }),
      )
      .openapi({
        description: 'Open missions that do not move, one line for each reason, the oldest first.',
      }),
    more_groups: z.boolean().openapi({ description: 'There are more reasons than are in `stuck`.' }),
    running: z
      .array(
        z.object({
          id: z.uuid(),
          mission_id: z.uuid().nullable(),
          kind: z.string(),
          title: z.string(),
          agent_id: z.string(),
          worker_id: z.string().nullable(),
          claimed_at: Time.nullable(),
          attempt: Int,
        }),
      )
      .openapi({ description: 'Steps, the oldest first.' }),
  })
  .openapi('Attention');
