import { z } from 'zod';
import { Name } from '../lib/name.ts';
import { Body, Priority, type ProposalRow, Title } from '../proposals/schema.ts';

export const MISSED_RULES = ['skip', 'once', 'all'] as const;
export type MissedRule = (typeof MISSED_RULES)[number];

/** An interval is at most this long, and jitter at most an hour. */
const MOST_SECONDS = 366 * 86_400;
const LATEST = Date.UTC(2200, 0, 1);
const Instant = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) >= 0 && Date.parse(text) <= LATEST, 'a time from 1970 to 2200')
  .describe('A time with its zone, such as "2026-12-01T08:00:00+01:00".');

/** When a schedule is due: one of `cron`, `every_seconds` and `at`. */
const timingShape = {
  cron: z
    .string()
    .max(100)
    .describe('minute hour day-of-month month day-of-week, such as "0 7 * * 1-5".')
    .optional(),
  every_seconds: z.number().int().min(60).max(MOST_SECONDS).optional(),
  starts_at: Instant.describe(
    'The first due time of every_seconds; one interval from now unless given.',
  ).optional(),
  at: Instant.describe('Once, at this time.').optional(),
  timezone: z.string().max(64).describe('Whose clock cron reads, such as "Europe/Berlin".').optional(),
  missed: z
    .enum(MISSED_RULES)
    .describe(
      'What becomes of due times that nobody could take in time: none, the newest, or up to missed_most.',
    )
    .optional(),
  missed_most: z.number().int().min(1).max(100).optional(),
  jitter_seconds: z.number().int().min(0).max(3_600).optional(),
};

/** A new schedule. */
export const ScheduleInput = z.strictObject({
  name: Name,
  agent_id: Name,
  kind: Name,
  title: Title,
  body: Body.nullable().optional(),
  priority: Priority.optional(),
  ...timingShape,
});
export type ScheduleInput = z.infer<typeof ScheduleInput>;

/** What is changed of one; another timing replaces the one it has. */
export const ScheduleChange = z.strictObject({
  agent_id: Name.optional(),
  kind: Name.optional(),
  title: Title.optional(),
  body: Body.nullable().optional(),
  priority: Priority.optional(),
  ...timingShape,
});
export type ScheduleChange = z.infer<typeof ScheduleChange>;

/** When it is due. Exactly one of `cron`, `every_seconds` (with `starts_at`) and `at` is not null. */
export type Timing = {
  cron: string | null;
  every_seconds: number | null;
  starts_at: Date | null;
  at: Date | null;
  timezone: string;
};

/** Everything that says when it is due and taken. */
export type Plan = Timing & {
  id: string;
  missed: MissedRule;
  missed_most: number;
  jitter_seconds: number;
};

export type ScheduleRow = Plan & {
  name: string;
  agent_id: string;
  kind: string;
  title: string;
  body: string | null;
  priority: number;
  paused: boolean;
  /** Null: paused, or nothing comes any more. */
  next_due_at: Date | null;
  /** The same with its jitter. */
  next_run_at: Date | null;
  last_due_at: Date | null;
  last_proposal_id: string | null;
  version: number;
  created_at: Date;
  created_by: string;
};

/** A schedule with what comes next and what came last. */
export type ScheduleDetails = {
  schedule: ScheduleRow;
  /** Its next due times. */
  upcoming: Date[];
  proposals: Pick<ProposalRow, 'id' | 'title' | 'status' | 'outcome' | 'run_at' | 'created_at'>[];
};

/** Who proposes, as it stands in `created_by` of the proposals. */
export function authorOf({ name }: Pick<ScheduleRow, 'name'>): string {
  return `schedule:${name}`;
}
