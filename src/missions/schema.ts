import type { Cause } from '../events/schema.ts';

export const MISSION_STATUSES = ['active', 'completed', 'failed'] as const;
export type MissionStatus = (typeof MISSION_STATUSES)[number];

export type MissionFailure = {
  class: 'step_failed' | 'cancelled';
  message: string;
  step_id: string | null;
  cause: Cause;
};

export type MissionRow = {
  id: string;
  proposal_id: string | null;
  title: string;
  status: MissionStatus;
  created_at: Date | null;
  completed_at: Date | null;
  agent_id: string | null;
  retry_of: string | null;
  failure: MissionFailure | null;
};

export type MissionFilter = {
  status?: string | undefined;
  agentId?: string | undefined;
  proposalId?: string | undefined;
  /** A part of the title in whatever case, or an id. */
  q?: string | undefined;
};
