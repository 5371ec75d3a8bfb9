import { z } from 'zod';
import { Name } from '../lib/name.ts';
import type { Verdict } from '../policy/gates.ts';
import type { Policy } from '../policy/schema.ts';

export const PROPOSAL_STATUSES = ['pending', 'approved', 'rejected', 'completed'] as const;
export type ProposalStatus = (typeof PROPOSAL_STATUSES)[number];
export type Outcome = 'succeeded' | 'failed' | 'cancelled';

export const MAX_BODY_BYTES = 262_144;

export const Title = z
  .string()
  .max(200)
  .refine((title) => /[^\p{C}\p{Z}]/u.test(title), 'must not be blank')
  .refine((title) => !/\p{Cc}/u.test(title), 'must be one line, without control characters');
export const Body = z
  .string()
  .refine((body) => Buffer.byteLength(body) <= MAX_BODY_BYTES, `at most ${MAX_BODY_BYTES} bytes of UTF-8`);
export const Priority = z.number().int().min(-100).max(100);
const DAY_MS = 86_400_000;
export const RunAt = z.iso
  .datetime({ offset: true })
  .refine(
    (text) => Math.abs(Date.parse(text) - Date.now()) <= 366 * DAY_MS,
    'a time with its zone, such as "2026-11-23T08:00:00Z", at most 366 days from now',
  );
export const Reason = z.string().max(2_000);

export const ProposalInput = z.strictObject({
  agent_id: Name.optional(),
  kind: Name,
  title: Title,
  body: Body.nullable().optional(),
  priority: Priority.optional(),
  /** Its first step begins then, not at once. */
  run_at: RunAt.nullable().optional(),
});

export type Decision = {
  /** `policy`, or the key of the operator. */
  by: string;
  action: 'admitted' | 'approved' | 'rejected';
  reason: string;
  /** The gates' verdicts with the counts they saw. */
  verdicts: Verdict[];
  day: string;
  resets_at: string;
};

export type ProposalRow = {
  id: string;
  agent_id: string;
  kind: string;
  title: string;
  body: string | null;
  status: ProposalStatus;
  policy_snapshot: Policy | null;
  created_at: Date | null;
  decided_at: Date | null;
  priority: number;
  run_at: Date | null;
  created_by: string | null;
  cap_day: string | null;
  decision: Decision | null;
  original: { title: string; body: string | null } | null;
  outcome: Outcome | null;
  completed_at: Date | null;
  /** Where in a trace it was proposed. */
  traceparent: string | null;
};

export type ProposalFilter = {
  status?: string | undefined;
  kind?: string | undefined;
  agentId?: string | undefined;
  /** A part of the title in whatever case, or an id. */
  q?: string | undefined;
};

export type ProposalPage = {
  /** The last row of the page before, whichever the order is. */
  afterId: string | null;
  limit: number;
  oldestFirst?: boolean;
  /** Without body, original and policy snapshot, which are then not read. */
  slim?: boolean;
};
