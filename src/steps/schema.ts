export const STEP_STATUSES = ['queued', 'running', 'completed', 'failed'] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** What went wrong; the class decides whether to wait, to try again, or to give up. */
export type StepFailure = { class: string; message: string; attempt: number };

export type StepRow = {
  id: string;
  mission_id: string | null;
  kind: string;
  title: string;
  input: unknown;
  output: unknown;
  status: StepStatus;
  worker_id: string | null;
  claimed_at: Date | null;
  completed_at: Date | null;
  created_at: Date | null;
  position: number;
  agent_id: string;
  proposal_id: string | null;
  priority: number;
  queue_no: number;
  ready: boolean;
  available_at: Date | null;
  claim_id: string | null;
  attempt: number;
  failures: number;
  max_failures: number;
  failure: StepFailure | null;
};

export type ShownStep = Omit<StepRow, 'claim_id'>;

export type StepFilter = {
  status?: string | undefined;
  kind?: string | undefined;
  agentId?: string | undefined;
  missionId?: string | undefined;
  workerId?: string | undefined;
};

/** The output of an earlier step, as a prompt gets it. */
export type PriorOutput = { kind: string; title: string; output: unknown };
