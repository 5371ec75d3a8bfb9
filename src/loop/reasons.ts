import { listAgents } from '../agents/agents.ts';
import type { AgentRow } from '../agents/schema.ts';
import type { Db } from '../db/database.ts';
import { countAllRunning, reachedLimit } from '../engine/limits.ts';
import { type TokenBlocks, tokenBlocks } from '../engine/tokens.ts';
import { listWorkers, type WorkerRow } from '../engine/workers.ts';
import { humanDuration } from '../lib/time.ts';
import { readPolicy } from '../policy/policy.ts';
import type { Policy } from '../policy/schema.ts';
import type { StepRow } from '../steps/schema.ts';

/** What moves something next, who does it, and when, where that is known. */
export type Reason = { next: string; by: string | null; at: Date | null };

/** What the database cannot know: which step kinds something serves right now, and how to get the others served. */
export type Serving = {
  /** Whether steps of this kind count against token caps. */
  usesModel: (kind: string) => boolean;
  /** Whether this program has a handler for it. */
  isOurs: (kind: string) => boolean;
  /** Why our own workers leave a step of this kind: it waits for a model, for an agent with or without a model of its own. */
  unserved: (kind: string, agent: AgentRow | null) => string | null;
};

/** What a step's reason rests on besides the step: read once, for however many steps. */
export type Scene = {
  policy: Policy;
  workers: WorkerRow[];
  blocks: TokenBlocks;
  running: ReadonlyMap<string, number>;
  agents: ReadonlyMap<string, AgentRow>;
  serving: Serving;
};

const MOST_WORKERS = 200;

/** @throws AppError policy_unreadable */
export async function readScene(db: Db, serving: Serving): Promise<Scene> {
  const [policy, workers, blocks, running, agents] = await Promise.all([
    readPolicy(db),
    listWorkers(db, MOST_WORKERS),
    tokenBlocks(db),
    countAllRunning(db),
    listAgents(db),
  ]);
  return {
    policy,
    workers,
    blocks,
    running,
    agents: new Map(agents.map((agent) => [agent.agent_id, agent])),
    serving,
  };
}

/** What of a step its reason depends on. */
export type OpenStep = Pick<
  StepRow,
  | 'kind'
  | 'agent_id'
  | 'status'
  | 'ready'
  | 'available_at'
  | 'worker_id'
  | 'claimed_at'
  | 'attempt'
  | 'failure'
>;

/**
 * What moves a queued or running step next.
 * @param ahead how many steps are claimed before it; null says it of all steps alike, without what only one of them has
 */
export function reasonOf(step: OpenStep, scene: Scene, ahead: number | null): Reason {
  const alike = ahead === null;
  if (step.status === 'running') return ofRunning(step, scene, alike);
  return (
    ofDelayed(step, alike) ??
    ofPaused(step, scene) ??
    ofLimited(step, scene) ??
    ofBlocked(step, scene) ??
    ofQueued(step, scene, ahead)
  );
}

/** When the heartbeat takes a running step back. */
export function staleAt({ kind, claimed_at }: OpenStep, { policy }: Scene): { at: Date; minutes: number } {
  const minutes = policy.stale_steps.per_kind?.[kind] ?? policy.stale_steps.after_minutes;
  return { at: new Date((claimed_at?.getTime() ?? 0) + minutes * 60_000), minutes };
}

function ofRunning(step: OpenStep, scene: Scene, alike: boolean): Reason {
  const worker = scene.workers.find((candidate) => candidate.worker_id === step.worker_id);
  if (!worker?.alive) {
    return {
      next: `Its worker ${step.worker_id} does not answer; the sweep gives it back within 15 s.`,
      by: 'sweep',
      at: null,
    };
  }
  const { at, minutes } = staleAt(step, scene);
  const since = humanDuration(Date.now() - (step.claimed_at?.getTime() ?? Date.now()));
  const which = alike ? '' : ` since ${since} (attempt ${step.attempt})`;
  return {
    next: `Worker ${worker.worker_id} works it${isOverHttp(worker) ? ' over HTTP' : ''}${which}; after ${minutes} min the heartbeat takes it back.`,
    by: worker.worker_id,
    at,
  };
}

function ofDelayed(step: OpenStep, alike: boolean): Reason | null {
  if (step.ready) return null;
  if (!step.available_at) return { next: 'It waits for the step before it.', by: 'worker', at: null };
  const failure = step.failure ? ` after "${step.failure.class}: ${step.failure.message}"` : '';
  const begins = step.attempt === 0 ? 'It begins' : 'It is tried again';
  const when = alike ? '' : ` at ${step.available_at.toISOString()}`;
  return { next: `${begins}${when}${failure}.`, by: 'worker', at: step.available_at };
}

function ofPaused(step: OpenStep, { policy }: Scene): Reason | null {
  if (policy.paused.enabled)
    return {
      next: 'Everything is paused; an operator resumes (`opsloop resume`).',
      by: 'operator',
      at: null,
    };
  if (!policy.paused.agents.includes(step.agent_id)) return null;
  return {
    next: `Agent ${step.agent_id} is paused; an operator resumes it (\`opsloop resume ${step.agent_id}\`).`,
    by: 'operator',
    at: null,
  };
}

function ofLimited(step: OpenStep, { policy, running }: Scene): Reason | null {
  const reached = reachedLimit(policy.concurrency, step, running);
  if (reached === null) return null;
  const next = `${reached} already, the most that policy \`concurrency\` allows; it is claimed when one of them ends.`;
  return { next, by: 'worker', at: null };
}

function ofBlocked(step: OpenStep, { blocks, workers, agents, serving }: Scene): Reason | null {
  if (serving.usesModel(step.kind) && (blocks.everybody || blocks.agents.includes(step.agent_id))) {
    const whose = blocks.everybody ? 'The token cap of all agents' : `Agent ${step.agent_id}'s token cap`;
    return {
      next: `${whose} is reached for today; it goes on tomorrow, or when an operator raises token_caps.`,
      by: 'operator',
      at: null,
    };
  }
  const able = ableTo(step, workers);
  if (able.length === 0) {
    const how = serving.isOurs(step.kind)
      ? 'start one (`opsloop worker`)'
      : 'opsloop itself has no such kind, so start the worker over HTTP that has it';
    return { next: `No live worker works steps of kind "${step.kind}"; ${how}.`, by: 'operator', at: null };
  }
  // Whoever works over HTTP needs no model of ours.
  if (able.some(isOverHttp)) return null;
  const unserved = serving.unserved(step.kind, agents.get(step.agent_id) ?? null);
  return unserved === null ? null : { next: unserved, by: 'operator', at: null };
}

function ofQueued(step: OpenStep, { workers }: Scene, ahead: number | null): Reason {
  const able = ableTo(step, workers);
  const overHttp = able.filter(isOverHttp).length;
  const http =
    overHttp === 0 ? '' : overHttp === able.length ? ', over HTTP' : `, ${overHttp} of them over HTTP`;
  const queue =
    ahead === 0 ? ": it is its agent's next" : `: ${ahead}${ahead === 1_000 ? ' or more' : ''} before it`;
  return {
    next: `A worker claims it as soon as a slot is free and it is its agent's turn${ahead === null ? '' : queue}, ${able.length} worker(s) for "${step.kind}"${http}.`,
    by: 'worker',
    at: null,
  };
}

/** A worker with an agent's key works that agent's steps alone. */
function ableTo({ kind, agent_id }: OpenStep, workers: WorkerRow[]): WorkerRow[] {
  return workers.filter(
    (worker) =>
      worker.alive &&
      (worker.kinds[kind] ?? 0) > 0 &&
      (worker.agent_id === null || worker.agent_id === agent_id),
  );
}

function isOverHttp(worker: WorkerRow): boolean {
  return worker.key_id !== null;
}
