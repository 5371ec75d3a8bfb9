import { z } from '@hono/zod-openapi';
import { PROPOSAL_STATUSES } from '../../proposals/schema.ts';
import { MISSED_RULES } from '../../schedules/schema.ts';
import { Time } from './common.ts';

/** Schedules as JSON. Their meaning is in the comments of `sql/`. */
export const Schedule = z
  .object({
    id: z.uuid(),
    name: z.string(),
    agent_id: z.string(),
    kind: z.string(),
    title: z.string(),
    body: z.string().nullable(),
    priority: z.number().int(),
    cron: z.string().nullable(),
    every_seconds: z.number().int().nullable(),
    starts_at: Time.nullable(),
    at: Time.nullable(),
    timezone: z.string(),
    missed: z.enum(MISSED_RULES),
    missed_most: z.number().int(),
    jitter_seconds: z.number().int(),
    paused: z.boolean(),
    next_due_at: Time.nullable().openapi({ description: 'Null: paused, or nothing comes any more.' }),
    next_run_at: Time.nullable().openapi({ description: 'The same with its jitter.' }),
    last_due_at: Time.nullable(),
    last_proposal_id: z.uuid().nullable().openapi({
      description: 'Null: there was none, or the last due time was passed over because it was missed.',
    }),
    version: z.number().int(),
    created_at: Time,
    created_by: z.string(),
  })
  .openapi('Schedule');

export const Upcoming = z.array(Time).openapi({ description: 'The next due times, without jitter.' });

export const ScheduleDetails = z
  .object({
    schedule: Schedule,
    upcoming: Upcoming,
    proposals: z
      .array(
        z.object({
          id: z.uuid(),
          title: z.string(),
          status: z.enum(PROPOSAL_STATUSES),
          outcome: z.enum(['succeeded', 'failed', 'cancelled']).nullable(),
          run_at: Time.nullable().openapi({ description: 'The due time.' }),
          created_at: Time.nullable(),
        }),
      )
      .openapi({ description: 'Its newest proposals.' }),
  })
  .openapi('ScheduleDetails');
