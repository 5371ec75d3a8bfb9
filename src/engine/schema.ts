import type { StepRow } from '../steps/schema.ts';

/** How many more steps of each kind a worker can take. */
export type FreeSlots = Record<string, number>;

/** Steps of one kind, priority and agent, by age. Within a priority the lanes of a kind take turns. */
export type Lane = Pick<StepRow, 'kind' | 'priority' | 'agent_id'>;

/** How many steps of a lane to claim, from which place on: what is before it was seen not to be ready. */
export type LaneShare = Lane & { from_no: number; share: number };

/** A claimed step. Everything a worker writes names its id and its claim id. */
export type Claim = Pick<
  StepRow,
  | 'id'
  | 'mission_id'
  | 'proposal_id'
  | 'kind'
  | 'title'
  | 'input'
  | 'position'
  | 'agent_id'
  | 'attempt'
  | 'failures'
  | 'priority'
  | 'queue_no'
> & { claim_id: string };

export type ClaimRef = { id: string; claim_id: string };

/** What a model call of an attempt cost. Unknown is null, not 0. */
export type LlmCall = {
  engine: string;
  provider: string | null;
  model: string | null;
  inputTokens: number | null;
  outputTokens: number | null;
  /** As the provider said it; what it did not say is reckoned by policy `prices`. */
  costUsd: number | null;
  firstTokenMs: number | null;
  loadMs: number | null;
  durationMs: number;
  outcome: string;
};

/**
 * How a claim over HTTP was ended by its worker. `lost`: an end came when it did not hold any more; `late`: a result
 * did, and an event keeps the evidence.
 */
export type WorkEnd = ({ as: 'failed'; final: boolean } | { as: 'released' } | { as: 'lost' }) & {
  late?: boolean;
};

/** How long a worker's claims hold without renewal, and how often it renews and looks for dead ones. */
export const LEASE_MS = 10_000;
export const RENEW_EVERY_MS = 3_000;
