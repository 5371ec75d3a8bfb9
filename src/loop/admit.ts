import { unknownAgent } from '../agents/agents.ts';
import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { groupBy } from '../lib/group-by.ts';
import { isAutoApproved, isCap, runGates, sayRefusal, scopesOf, type Verdict } from '../policy/gates.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { Policy } from '../policy/schema.ts';
import type { Decision } from '../proposals/schema.ts';
import { planMission } from './plan-mission.ts';
import {
  type Count,
  giveBack,
  insertMissions,
  insertProposals,
  type NewProposal,
  takeGround,
} from './queries.ts';
import type { Admission, ProposalRequest } from './schema.ts';

/** One request of a batch. Its id is drawn before the transaction, so that an ambiguous commit can be looked up. */
export type Candidate = { id: string; request: ProposalRequest };

/** What became of each candidate: admitted or refused by a gate (both are stored), or an error (nothing is). */
export type Results = Map<string, Admission | AppError>;

type Judged = { candidate: Candidate; verdicts: Verdict[]; refusal: Verdict | null };
type Day = { day: string; resets_at: string };

/**
 * Decides over candidates that arrived together, in the caller's transaction: counters, proposals, missions,
 * steps and events are one commit, and the policy, which the caller holds still, is read in it.
 */
export async function admitAll(tx: Db, candidates: Candidate[]): Promise<Results> {
  const results: Results = new Map();
  // All are counted first, because that takes the locks; what is not admitted is then given back.
  const ground = await takeGround(tx, tally(candidates));
  const policy = parsePolicy(ground.policy);
  const day: Day = { day: ground.day, resets_at: ground.resets_at.toISOString() };
  const agents = new Set(ground.agents);

  const known = candidates.filter((candidate) => {
    const { agentId } = candidate.request;
    if (agents.has(agentId)) return true;
    results.set(candidate.id, unknownAgent(agentId));
    return false;
  });
  const judged = judge(known, policy, ground.used);
  const admitted = new Set(judged.filter(({ refusal }) => !refusal).map(({ candidate }) => candidate));
  const refused = tally(known.filter((candidate) => !admitted.has(candidate)));
  if (refused.length > 0) await giveBack(tx, day.day, refused);
  const stored = judged.filter(({ candidate, refusal }) => {
    if (!refusal || !isCap(refusal) || candidate.request.onCap !== 'wait') return true;
    results.set(candidate.id, capReached(refusal, day));
    return false;
  });
  if (stored.length > 0) await store(tx, stored, policy, day, results);
  return results;
}

/** Puts the candidates before the gates one after the other, each seeing what those before it have used. */
function judge(candidates: Candidate[], policy: Policy, used: Record<string, number>): Judged[] {
  const counts = { ...used };
  return candidates.map((candidate): Judged => {
    const subject = toSubject(candidate.request);
    const result = runGates(subject, policy, counts);
    if (!result.admitted) return { candidate, verdicts: result.verdicts, refusal: result.refusal };
    for (const scope of scopesOf(subject)) counts[scope] = (counts[scope] ?? 0) + 1;
    return { candidate, verdicts: result.verdicts, refusal: null };
  });
}

/** How much each agent's candidates want of each counter. */
function tally(candidates: Candidate[]): Count[] {
  const counts = new Map<string, Count>();
  for (const { request } of candidates) {
    const { agentId } = request;
    for (const scope of scopesOf(toSubject(request))) {
      const name = `${agentId}\n${scope}`;
      counts.set(name, { agentId, scope, n: (counts.get(name)?.n ?? 0) + 1 });
    }
  }
  return [...counts.values()];
}

async function store(tx: Db, judged: Judged[], policy: Policy, day: Day, results: Results): Promise<void> {
  const proposals = judged.map((one) => toProposal(one, policy, day));
  const rows = new Map((await insertProposals(tx, proposals, policy)).map((row) => [row.id, row]));

  const plans = proposals.filter((p) => p.status === 'approved').map((p) => planMission(p, policy, 'policy'));
  const missions = plans.map((plan) => plan.mission);
  const steps = plans.flatMap((plan) => plan.steps);
  const made = plans.length > 0 ? await insertMissions(tx, missions, steps) : { missions: [], steps: [] };
  const missionOf = new Map(made.missions.map((mission) => [mission.proposal_id, mission]));
  const stepsOf = groupBy(made.steps, (step) => step.mission_id);

  for (const { candidate, refusal } of judged) {
    const proposal = rows.get(candidate.id);
    if (!proposal) throw new Error(`proposal ${candidate.id} was not stored`);
    const mission = missionOf.get(candidate.id);
    results.set(candidate.id, {
      proposal,
      mission: mission ? { mission, steps: stepsOf.get(mission.id) ?? [] } : null,
      refusal: refusal && { ...refusal, resets_at: day.resets_at },
    });
  }
  for (const { candidate } of judged) {
    const admission = results.get(candidate.id);
    if (admission && !(admission instanceof AppError)) await candidate.request.alongside?.(tx, admission);
  }
}

function toProposal(
  { candidate: { id, request }, verdicts, refusal }: Judged,
  policy: Policy,
  day: Day,
): NewProposal {
  const autoApproved = !refusal && isAutoApproved(request.kind, policy);
  const action = refusal ? 'rejected' : autoApproved ? 'approved' : 'admitted';
  const reason = refusal
    ? sayRefusal(refusal)
    : autoApproved
      ? `auto_approve names the kind "${request.kind}"`
      : `auto_approve does not name the kind "${request.kind}"; an operator decides`;
  const decision: Decision = { by: 'policy', action, reason, verdicts, ...day };
  return {
    id,
    agent_id: request.agentId,
    kind: request.kind,
    title: request.title,
    body: request.body,
    status: action === 'admitted' ? 'pending' : action,
    priority: request.priority ?? 0,
    run_at: request.runAt ?? null,
    created_by: request.by,
    cap_day: refusal ? null : day.day,
    decision,
    traceparent: request.traceparent ?? null,
  };
}

function toSubject(request: ProposalRequest): { agent_id: string; kind: string } {
  return { agent_id: request.agentId, kind: request.kind };
}

function capReached(refusal: Verdict, day: Day): AppError {
  return new AppError(
    'cap_reached',
    `The cap ${refusal.gate} of ${refusal.limit} a day is reached until ${day.resets_at}.`,
    {
      details: { refusal: { ...refusal, resets_at: day.resets_at } },
    },
  );
}
