import { z } from 'zod';
import { MISSION_STATUSES } from '../missions/schema.ts';
import { PROPOSAL_STATUSES } from '../proposals/schema.ts';

/** What of the API's rows an agent is shown: short, because every character of it is read by a model. */
export const Id = z.uuid();
const Time = z.string().describe('ISO 8601, in UTC.');

export const StoredProposal = z.object({
  id: Id,
  agent_id: z.string(),
  kind: z.string(),
  title: z.string(),
  status: z.enum(PROPOSAL_STATUSES).describe('pending: a human decides. completed: see outcome.'),
  outcome: z.enum(['succeeded', 'failed', 'cancelled']).nullable(),
  decided_by: z.string().nullable().describe('"policy", or the key of a human.'),
  reason: z.string().nullable().describe('Why it was decided so, or why it waits.'),
  created_at: Time.nullable(),
  run_at: Time.nullable().describe('When it begins, where it was proposed for a time.'),
});

export const StoredMission = z.object({
  id: Id,
  proposal_id: Id.nullable(),
  title: z.string(),
  status: z.enum(MISSION_STATUSES),
  created_at: Time.nullable(),
  completed_at: Time.nullable(),
  failure: z.string().nullable(),
});

type ProposalRow = Omit<z.input<typeof StoredProposal>, 'decided_by' | 'reason'> & {
  decision: { by: string; action: string; reason: string } | null;
};

export function toStoredProposal(row: ProposalRow): z.input<typeof StoredProposal> {
  const { id, agent_id, kind, title, status, outcome, created_at, run_at, decision } = row;
  const isDecided = decision !== null && decision.action !== 'admitted';
  return {
    id,
    agent_id,
    kind,
    title,
    status,
    outcome,
    decided_by: isDecided ? decision.by : null,
    reason: decision?.reason || null,
    created_at,
    run_at,
  };
}

type MissionRow = Omit<z.input<typeof StoredMission>, 'failure'> & { failure: { message: string } | null };

export function toStoredMission(row: MissionRow): z.input<typeof StoredMission> {
  const { id, proposal_id, title, status, created_at, completed_at, failure } = row;
  return { id, proposal_id, title, status, created_at, completed_at, failure: failure?.message ?? null };
}
