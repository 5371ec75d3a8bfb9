/** What is counted; the comments of the table `ops_tallies` say what each means. */
export const FIGURES = [
  'proposals',
  'rejected',
  'succeeded',
  'failed',
  'cancelled',
  'steps',
  'step_failures',
  'outputs',
  'tokens_in',
  'tokens_out',
  'cost_microusd',
  'work_ms',
] as const;
export type Figures = Record<(typeof FIGURES)[number], number>;

/** The counts of a minute or of several. */
export type Tally = Figures & { waits: number[] };

export const WINDOWS = ['hour', 'day'] as const;
/** The last 60 minutes, or the last 24 hours by 15 minutes. */
export type Window = (typeof WINDOWS)[number];

export type Bucket = Pick<
  Figures,
  'proposals' | 'rejected' | 'succeeded' | 'failed' | 'cancelled' | 'steps' | 'step_failures' | 'outputs'
> & {
  tokens: number;
  /** Of the calls whose cost is known. */
  cost_usd: number;
  /** Of the waits of first attempts, within a tenth of the truth; null when there were none. */
  wait_p50_ms: number | null;
  wait_p95_ms: number | null;
};

export type Stats = {
  window: Window;
  bucket_seconds: number;
  /** Counted up to this time. */
  through: Date;
  /** The oldest first; the last one is under way. */
  buckets: (Bucket & { at: Date })[];
  totals: Bucket;
};

export type AgentFigures = Pick<
  Figures,
  'proposals' | 'succeeded' | 'failed' | 'rejected' | 'steps' | 'work_ms'
> & {
  /** Of the missions that succeeded or failed; null when none did. */
  success_share: number | null;
  tokens: number;
  /** Of the calls whose cost is known. */
  cost_usd: number;
};

export type AgentStats = {
  through: Date;
  /** The calendar days of the policy's time zone, the oldest first. */
  days: string[];
  /** By id. Days on which an agent did nothing are left out. */
  agents: (AgentFigures & { agent_id: string; days: (AgentFigures & { day: string })[] })[];
};
