import { findAgent } from '../agents/agents.ts';
import type { AgentRow } from '../agents/schema.ts';
import type { Db } from '../db/database.ts';
import { reachedLimit } from '../engine/limits.ts';
import { tokenBlocks } from '../engine/tokens.ts';
import { listWorkers, type WorkerRow } from '../engine/workers.ts';
import { humanDuration } from '../lib/time.ts';
import { getMission, latestMission } from '../missions/missions.ts';
import { readPolicy } from '../policy/policy.ts';
import type { Policy } from '../policy/schema.ts';
import { getProposal } from '../proposals/proposals.ts';
import type { StepRow } from '../steps/schema.ts';
import { getStep, stepsAhead, stepsOf } from '../steps/steps.ts';

/** What moves an item next: a sentence, who does it, and when, where that is known. */
export type Why = {
  entity: 'proposal' | 'mission' | 'step';
  id: string;
  status: string;
  /** Nothing more will happen by itself. */
  settled: boolean;
  next: string;
  by: string | null;
  at: Date | null;
};

/** What the database cannot know: which step kinds something serves right now, and how to get the others served. */
export type Serving = {
  modelKinds: readonly string[];
  /** Why a step of this kind waits for a model, for an agent with or without a model of its own. */
  unserved: (kind: string, agent: AgentRow | null) => string | null;
};

export async function whyProposal(db: Db, id: string, serving: Serving): Promise<Why> {
  const proposal = await getProposal(db, id);
  const about = { entity: 'proposal' as const, id, status: proposal.status };
  const mission = await latestMission(db, id);
  if (mission?.status === 'active') {
    const inner = await whyMission(db, mission.id, serving);
    return { ...inner, ...about };
  }
  if (proposal.status === 'pending') {
    const waited = humanDuration(Date.now() - (proposal.created_at?.getTime() ?? Date.now()));
    const next = `An operator decides: \`opsloop approve ${id}\` or \`opsloop reject ${id}\`. It has waited ${waited}.`;
    return { ...about, settled: false, next, by: 'operator', at: null };
  }
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
  const policy = await readPolicy(db);
  const workers = await listWorkers(db, 200);
  const found =
    step.status === 'running'
      ? whyRunning(step, workers, policy)
      : (whyDelayed(step) ??
        whyHeld(step, policy) ??
        (await whyLimited(db, step, policy)) ??
        (await whyBlocked(db, step, workers, serving)));
  return { ...about, settled: false, ...found };
}

type Reason = Pick<Why, 'next' | 'by' | 'at'>;

function whyRunning(step: StepRow, workers: WorkerRow[], policy: Policy): Reason {
  const worker = workers.find((candidate) => candidate.worker_id === step.worker_id);
  const since = humanDuration(Date.now() - (step.claimed_at?.getTime() ?? Date.now()));
  if (!worker?.alive) {
    return {
      next: `Its worker ${step.worker_id} does not answer; the sweep gives it back within 15 s.`,
      by: 'sweep',
      at: null,
    };
  }
  const minutes = policy.stale_steps.per_kind?.[step.kind] ?? policy.stale_steps.after_minutes;
  const at = new Date((step.claimed_at?.getTime() ?? 0) + minutes * 60_000);
  return {
    next: `Worker ${worker.worker_id} works it since ${since} (attempt ${step.attempt}); after ${minutes} min the heartbeat takes it back.`,
    by: worker.worker_id,
    at,
  };
}

function whyDelayed(step: StepRow): Reason | null {
  if (step.ready) return null;
  if (!step.available_at) return { next: 'It waits for the step before it.', by: 'worker', at: null };
  const failure = step.failure ? ` after "${step.failure.class}: ${step.failure.message}"` : '';
  const begins = step.attempt === 0 ? 'It begins' : 'It is tried again';
  return {
    next: `${begins} at ${step.available_at.toISOString()}${failure}.`,
    by: 'worker',
    at: step.available_at,
  };
}

function whyHeld(step: StepRow, policy: Policy): Reason | null {
  if (policy.paused.enabled)
    return {
      next: 'Everything is paused; an operator resumes (`opsloop resume`).',
      by: 'operator',
      at: null,
    };
  if (!policy.paused.agents.includes(step.agent_id ?? '')) return null;
  return {
    next: `Agent ${step.agent_id} is paused; an operator resumes it (\`opsloop resume ${step.agent_id}\`).`,
    by: 'operator',
    at: null,
  };
}

async function whyLimited(db: Db, step: StepRow, policy: Policy): Promise<Reason | null> {
  const reached = await reachedLimit(db, policy.concurrency, step);
  if (reached === null) return null;
  const next = `${reached} already, the most that policy \`concurrency\` allows; it is claimed when one of them ends.`;
  return { next, by: 'worker', at: null };
}

async function whyBlocked(db: Db, step: StepRow, workers: WorkerRow[], serving: Serving): Promise<Reason> {
  if (serving.modelKinds.includes(step.kind)) {
    const blocks = await tokenBlocks(db);
    if (blocks.everybody || blocks.agents.includes(step.agent_id ?? '')) {
      const whose = blocks.everybody ? 'The token cap of all agents' : `Agent ${step.agent_id}'s token cap`;
      return {
        next: `${whose} is reached for today; it goes on tomorrow, or when an operator raises token_caps.`,
        by: 'operator',
        at: null,
      };
    }
  }
  const able = workers.filter((worker) => worker.alive && (worker.kinds[step.kind] ?? 0) > 0);
  if (able.length === 0) {
    return {
      next: `No live worker works steps of kind "${step.kind}"; start one (\`opsloop worker\`).`,
      by: 'operator',
      at: null,
    };
  }
  const agent = step.agent_id === '' ? null : await findAgent(db, step.agent_id);
  const unserved = serving.unserved(step.kind, agent);
  if (unserved) return { next: unserved, by: 'operator', at: null };
  const ahead = await stepsAhead(db, step);
  const queue =
    ahead === 0 ? "it is its agent's next" : `${ahead}${ahead === 1_000 ? ' or more' : ''} before it`;
  return {
    next: `A worker claims it as soon as a slot is free and it is its agent's turn: ${queue}, ${able.length} worker(s) for "${step.kind}".`,
    by: 'worker',
    at: null,
  };
}
