import type { Db } from '../db/database.ts';
import { humanDuration } from '../lib/time.ts';
import { getMission, latestMission } from '../missions/missions.ts';
import { getProposal } from '../proposals/proposals.ts';
import type { ProposalRow } from '../proposals/schema.ts';
import { getStep, stepsAhead, stepsOf } from '../steps/steps.ts';
import { type Reason, readScene, reasonOf, type Serving } from './reasons.ts';

/** What moves an item next: a sentence, who does it, and when, where that is known. */
export type Why = Reason & {
  entity: 'proposal' | 'mission' | 'step';
  id: string;
  status: string;
  /** Nothing more will happen by itself. */
  settled: boolean;
};

export async function whyProposal(db: Db, id: string, serving: Serving): Promise<Why> {
  const proposal = await getProposal(db, id);
  const about = { entity: 'proposal' as const, id, status: proposal.status };
  const mission = await latestMission(db, id);
  if (mission?.status === 'active') {
    const inner = await whyMission(db, mission.id, serving);
    return { ...inner, ...about };
  }
  if (proposal.status === 'pending') return { ...about, settled: false, ...whyPending(proposal) };
  if (proposal.status === 'rejected') {
    const next = `Nothing: ${proposal.decision?.by} rejected it${proposal.decision?.reason ? ` (${proposal.decision.reason})` : ''}.`;
    return { ...about, settled: true, next, by: null, at: null };
  }
  const retry = mission?.status === 'failed' ? ` An operator can retry mission ${mission.id}.` : '';
  const reason = mission?.failure ? ` ${mission.failure.message}` : '';
  return {
    ...about,
    settled: true,
    next: `Nothing: it ended as ${proposal.outcome}.${reason}${retry}`,
    by: null,
    at: null,
  };
}

export async function whyMission(db: Db, id: string, serving: Serving): Promise<Why> {
  const mission = await getMission(db, id);
  const about = { entity: 'mission' as const, id, status: mission.status };
  if (mission.status !== 'active') {
    const why = mission.failure ? ` ${mission.failure.message}` : '';
    return { ...about, settled: true, next: `Nothing: it is ${mission.status}.${why}`, by: null, at: null };
  }
  const steps = await stepsOf(db, id);
  const current = steps.find((step) => step.status === 'queued' || step.status === 'running');
  if (!current)
    return {
      ...about,
      settled: false,
      next: 'It has no open step, which should not be: an operator cancels it.',
      by: 'operator',
      at: null,
    };
  const inner = await whyStep(db, current.id, serving);
  return {
    ...inner,
    ...about,
    next: `Step ${current.position} of ${steps.at(-1)?.position} (${current.kind}): ${inner.next}`,
  };
}

export async function whyStep(db: Db, id: string, serving: Serving): Promise<Why> {
  const step = await getStep(db, id);
  const about = { entity: 'step' as const, id, status: step.status };
  if (step.status === 'completed' || step.status === 'failed') {
    const why =
      step.failure && step.status === 'failed' ? ` ${step.failure.class}: ${step.failure.message}` : '';
    return { ...about, settled: true, next: `Nothing: it is ${step.status}.${why}`, by: null, at: null };
  }
  const scene = await readScene(db, serving);
  const ahead = step.ready ? await stepsAhead(db, step) : 0;
  return { ...about, settled: false, ...reasonOf(step, scene, ahead) };
}

/** Why a pending proposal waits. */
export function whyPending({ id, created_at }: Pick<ProposalRow, 'id' | 'created_at'>): Reason {
  const waited = humanDuration(Date.now() - (created_at?.getTime() ?? Date.now()));
  const next = `An operator decides: \`opsloop approve ${id}\` or \`opsloop reject ${id}\`. It has waited ${waited}.`;
  return { next, by: 'operator', at: null };
}
