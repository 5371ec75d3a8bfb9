import type { Database } from '../../../src/db/database.ts';
import type { Claim } from '../../../src/engine/schema.ts';
import { AppError } from '../../../src/errors.ts';
import type { MissionWithSteps } from '../../../src/loop/schema.ts';
import { setPolicy } from '../../../src/policy/policy.ts';
import { DEFAULT_POLICY } from '../../../src/policy/schema.ts';
import { removeSchedule } from '../../../src/schedules/schedules.ts';
import { proposer, testWorker } from '../loop.ts';
import { add, partsOf } from '../schedules.ts';
import {
  begin,
  type MissionModel,
  type Model,
  makeModel,
  type ProposalModel,
  type StepModel,
} from './model.ts';

export const AGENTS = ['pm', 'research', 'ops'] as const;
const MOST_PER_DAY = 1_000_000;

export type ClaimOf = { ref: Claim; worker: string; step: StepModel; mission: MissionModel };
export type WorkerOf = { id: string; database: Database; alive: boolean };

/** The database and those who act on it. Each run has kinds of its own, so that it sees nothing of the others. */
export type Real = {
  database: Database;
  operators: Database[];
  propose: ReturnType<typeof proposer>[];
  workers: WorkerOf[];
  claims: ClaimOf[];
  kinds: { simple: string; long: string; manual: string; capped: string };
  schedule: { name: string; now: number };
};

let runs = 0;

/** A fresh universe: policy, workers, a schedule. */
export async function setUp(databases: [Database, Database]): Promise<{ model: Model; real: Real }> {
  const [database, other] = databases;
  const name = `r${++runs}`;
  const kinds = {
    simple: `${name}-simple`,
    long: `${name}-long`,
    manual: `${name}-manual`,
    capped: `${name}-capped`,
  };
  const [a, b, c] = [`${name}-a`, `${name}-b`, `${name}-c`];
  const model = makeModel({
    auto: new Set([kinds.simple, kinds.long, kinds.capped]),
    caps: new Map([[kinds.capped, 3]]),
    plans: new Map([
      [kinds.simple, [a]],
      [kinds.long, [a, b, c]],
      [kinds.manual, [b, a]],
      [kinds.capped, [c]],
    ]),
    maxFailures: 2,
    paused: false,
    pausedAgents: new Set(),
  });
  const real: Real = {
    database,
    operators: [database, other],
    propose: [proposer(database), proposer(other)],
    workers: [],
    claims: [],
    kinds,
    // A minute after its due times.
    schedule: { name, now: Date.now() + 60_000 },
  };
  await storePolicy(database, model);
  await setPolicy(
    database,
    'daily_caps',
    { timezone: 'UTC', per_agent: MOST_PER_DAY, total: MOST_PER_DAY },
    'test',
  );
  for (const pool of [database, other, database]) real.workers.push(await newWorker(pool));
  await add(database, { name, kind: kinds.simple, agent_id: 'pm', every_seconds: 3_600 });
  return { model, real };
}

export async function tearDown({ database, schedule }: Real): Promise<void> {
  await removeSchedule(database, schedule.name, 'test').catch(() => undefined);
}

export async function newWorker(database: Database): Promise<WorkerOf> {
  const { workerId } = await testWorker(database);
  return { id: workerId, database, alive: true };
}

export async function storePolicy(database: Database, { policy }: Model): Promise<void> {
  const values = {
    auto_approve: { enabled: true, kinds: [...policy.auto] },
    kind_caps: Object.fromEntries(policy.caps),
    plans: Object.fromEntries(policy.plans),
    stale_steps: { ...DEFAULT_POLICY.stale_steps, max_failures: policy.maxFailures },
    paused: { enabled: policy.paused, agents: [...policy.pausedAgents] },
  };
  for (const [key, value] of Object.entries(values)) await setPolicy(database, key, value, 'test');
}

/** Puts a mission that was made into the model. */
export function adopt(model: Model, proposal: ProposalModel, made: MissionWithSteps): void {
  begin(model, proposal, made.mission.id, made.steps);
}

/** The code of the error, or null when there was none. */
export async function codeOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

export { partsOf };
