import { uuid7 } from '../lib/uuid7.ts';
import { planOf, runsOnce } from '../policy/gates.ts';
import type { Policy } from '../policy/schema.ts';
import type { ProposalRow } from '../proposals/schema.ts';
import type { NewMission, NewStep } from './queries.ts';

type Approved = Pick<
  ProposalRow,
  'id' | 'agent_id' | 'kind' | 'title' | 'priority' | 'run_at' | 'traceparent'
>;
type PlannedStep = { kind: string; position: number };

/** The mission that an approved proposal becomes: its first step can be claimed, the others wait for it. */
export function planMission(
  proposal: Approved,
  policy: Policy,
  by: string,
): { mission: NewMission; steps: NewStep[] } {
  const kinds = planOf(proposal.kind, policy);
  return build(
    proposal,
    policy,
    by,
    null,
    kinds.map((kind, index) => ({ kind, position: index + 1 })),
  );
}

/** The mission that continues a failed one with the steps that were not completed. */
export function planRetry(
  proposal: Approved,
  policy: Policy,
  by: string,
  retryOf: string,
  remaining: PlannedStep[],
): { mission: NewMission; steps: NewStep[] } {
  return build(proposal, policy, by, retryOf, remaining);
}

function build(
  proposal: Approved,
  policy: Policy,
  by: string,
  retryOf: string | null,
  planned: PlannedStep[],
) {
  const missionId = uuid7();
  const mission: NewMission = {
    id: missionId,
    proposal_id: proposal.id,
    title: proposal.title,
    agent_id: proposal.agent_id,
    retry_of: retryOf,
    by,
  };
  const steps = planned.map(
    ({ kind, position }, index): NewStep => ({
      id: uuid7(),
      mission_id: missionId,
      kind,
      title: `${kind}: ${proposal.title}`,
      input: {
        proposal_kind: proposal.kind,
        title: proposal.title,
        ...(proposal.traceparent === null ? {} : { traceparent: proposal.traceparent }),
      },
      position,
      agent_id: proposal.agent_id,
      proposal_id: proposal.id,
      priority: proposal.priority,
      ready: index === 0,
      wanted_at: index === 0 ? proposal.run_at : null,
      max_failures: runsOnce(kind) ? 1 : policy.stale_steps.max_failures,
    }),
  );
  return { mission, steps };
}
