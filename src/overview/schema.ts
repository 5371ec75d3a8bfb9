import type { Reason } from '../loop/reasons.ts';

/** How many there are; looking stops at a bound, and `more` says that it did. */
export type Count = { count: number; more: boolean };

export type LoopCounts = {
  /** The calendar day of the policy's time zone that "today" means here. */
  day: string;
  proposals: { pending: Count; admitted_today: number; rejected_today: number };
  missions: { active: Count };
  steps: {
    kind: string;
    ready: Count;
    /** For a time, or before another try. */
    delayed: Count;
    /** For the step before them. */
    waiting: Count;
    running: Count;
  }[];
  outputs: { unwritten: Count; published_today: number };
  /** What is said of today is counted up to this time. */
  through: Date;
};

export type Use = { limit: number; used: number };

export type Caps = {
  day: string;
  timezone: string;
  resets_at: Date;
  /** Of all agents; null for an agent's key. */
  proposals: Use | null;
  tokens: Use | null;
  agents: { agent_id: string; proposals: Use; tokens: Use }[];
  /** Kinds that have a cap. */
  kinds: (Use & { kind: string })[];
};

export type PendingProposal = {
  id: string;
  agent_id: string;
  kind: string;
  title: string;
  created_at: Date | null;
};

export type FailedMission = {
  id: string;
  title: string;
  agent_id: string | null;
  message: string;
  completed_at: Date | null;
};

/** Open missions that wait for the same, the oldest few of them by name. */
export type Stuck = {
  /** Of failures of one class that of one of them. */
  why: string;
  by: Reason['by'];
  /** When the first of them moves by itself. */
  at: Date | null;
  /** How many were found. */
  count: number;
  /** Looking stopped at a bound. */
  more: boolean;
  examples: {
    entity: 'mission' | 'step';
    id: string;
    title: string;
    agent_id: string;
    /** Since when it could have moved, or runs. */
    since: Date;
  }[];
};

export type RunningStep = {
  id: string;
  mission_id: string | null;
  kind: string;
  title: string;
  agent_id: string;
  worker_id: string | null;
  claimed_at: Date | null;
  attempt: number;
};

export type Attention = {
  needs_human: {
    /** The oldest first. */
    proposals: (PendingProposal & { why: string })[];
    more_proposals: boolean;
    /** Failed in the last 7 days and not tried again, the oldest first. */
    missions: FailedMission[];
    more_missions: boolean;
  };
  /** The oldest first. */
  stuck: Stuck[];
  /** Only the oldest groups are in it. */
  more_groups: boolean;
  /** The oldest first. */
  running: RunningStep[];
};
