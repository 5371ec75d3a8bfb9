import type { Db } from '../db/database.ts';
import type { Verdict } from '../policy/gates.ts';
import type { MissionRow } from '../missions/schema.ts';
import type { ProposalRow } from '../proposals/schema.ts';
import type { StepRow } from '../steps/schema.ts';

/** Somebody's wish to act, as it enters the one way in. */
export type ProposalRequest = {
  agentId: string;
  kind: string;
  title: string;
  body: string | null;
  priority?: number;
  /** Its first step is not claimed before this time. */
  runAt?: Date | null;
  /** Where in a trace it is proposed (W3C Trace Context). */
  traceparent?: string | null;
  /** Who asks: `key:<id>`, or a part of the program. */
  by: string;
  /** Names a request that may arrive more than once; `owner` keeps the keys of two callers apart. */
  idempotency?: { owner: string; key: string; digest: string };
  /** `wait` stores nothing when a cap is reached, for callers that try again later. */
  onCap?: 'reject' | 'wait';
  /** Writes that belong to the proposal: in its transaction, which may run more than once, or not at all. */
  alongside?: (tx: Db, admission: Admission) => Promise<void>;
};

export type Refusal = Verdict & { resets_at: string };
export type MissionWithSteps = { mission: MissionRow; steps: StepRow[] };

export type Admission = {
  proposal: ProposalRow;
  /** Present when policy approved it at once. */
  mission: MissionWithSteps | null;
  /** Present when a gate refused it; the proposal is then stored as rejected. */
  refusal: Refusal | null;
};

/** What a repeated request gets: the first answer. */
export type StoredAnswer = { status: number; answer: unknown };
