/** What opsloop promises, small enough to be seen at a glance: no time, no database, one command after the other. */
export type StepModel = {
  id: string;
  kind: string;
  status: 'waiting' | 'delayed' | 'ready' | 'running' | 'completed' | 'failed';
  attempt: number;
  failures: number;
  most: number;
  /** The claim that holds it. */
  claim: string | null;
};
export type MissionModel = {
  id: string;
  status: 'active' | 'completed' | 'failed';
  steps: StepModel[];
  retried: boolean;
  proposal: ProposalModel;
};
export type ProposalModel = {
  id: string;
  kind: string;
  agent: string;
  /** Its missions begin at a time that is still to come. */
  later: boolean;
  status: 'pending' | 'approved' | 'rejected' | 'completed';
  outcome: 'succeeded' | 'failed' | 'cancelled' | null;
  missions: MissionModel[];
};

export type Model = {
  policy: {
    auto: Set<string>;
    caps: Map<string, number>;
    plans: Map<string, string[]>;
    maxFailures: number;
    paused: boolean;
    pausedAgents: Set<string>;
  };
  /** Admitted proposals by kind and day. */
  used: Map<string, number>;
  proposals: ProposalModel[];
};

export function makeModel(policy: Model['policy']): Model {
  return { policy, used: new Map(), proposals: [] };
}

export const missionsOf = (model: Model): MissionModel[] => model.proposals.flatMap((one) => one.missions);
export const stepsOf = (model: Model): { step: StepModel; mission: MissionModel }[] =>
  missionsOf(model).flatMap((mission) => mission.steps.map((step) => ({ step, mission })));

/** What becomes of a proposal: a cap counts what was admitted on its day. */
export function judge(model: Model, kind: string, day: string): ProposalModel['status'] {
  const name = `${kind} ${day}`;
  const used = model.used.get(name) ?? 0;
  if (used >= (model.policy.caps.get(kind) ?? Infinity)) return 'rejected';
  model.used.set(name, used + 1);
  return model.policy.auto.has(kind) ? 'approved' : 'pending';
}

/** A mission with the steps of these kinds, of which the first can be claimed. */
export function begin(
  model: Model,
  proposal: ProposalModel,
  id: string,
  steps: { id: string; kind: string }[],
): void {
  const first = proposal.later ? 'delayed' : 'ready';
  const made = steps.map(
    ({ id: step, kind }, n): StepModel => ({
      id: step,
      kind,
      status: n === 0 ? first : 'waiting',
      attempt: 0,
      failures: 0,
      most: model.policy.maxFailures,
      claim: null,
    }),
  );
  proposal.missions.push({ id, status: 'active', steps: made, retried: false, proposal });
}

export function claim(step: StepModel, claimId: string): void {
  Object.assign(step, { status: 'running', claim: claimId, attempt: step.attempt + 1 });
}

/** Lets the next step be claimed, or ends the mission and its proposal. */
export function complete(mission: MissionModel, step: StepModel): void {
  step.status = 'completed';
  const next = mission.steps.find((one) => one.status === 'waiting');
  if (next) next.status = 'ready';
  else end(mission, 'completed', 'succeeded');
}

/** Spends a failure: below the limit it is tried again, at it the mission has failed. */
export function fail(
  mission: MissionModel,
  step: StepModel,
  again: { final: boolean; next: 'ready' | 'delayed' },
): void {
  step.failures++;
  step.claim = null;
  if (!again.final && step.failures < step.most) {
    step.status = again.next;
    return;
  }
  step.status = 'failed';
  end(mission, 'failed', 'failed');
}

export function giveBack(step: StepModel, next: 'ready' | 'delayed'): void {
  Object.assign(step, { status: next, claim: null });
}

export function cancel(mission: MissionModel): void {
  end(mission, 'failed', 'cancelled');
}

function end(
  mission: MissionModel,
  status: 'completed' | 'failed',
  outcome: NonNullable<ProposalModel['outcome']>,
): void {
  mission.status = status;
  for (const step of mission.steps)
    if (step.status !== 'completed') Object.assign(step, { status: 'failed', claim: null });
  Object.assign(mission.proposal, { status: 'completed', outcome });
}
