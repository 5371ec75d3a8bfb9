import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect } from 'vitest';
import { completeSteps } from '../../../src/engine/complete.ts';
import { failStep } from '../../../src/engine/fail.ts';
import { makeQueue } from '../../../src/engine/queue.ts';
import { releaseSteps } from '../../../src/engine/release.ts';
import { renewLease } from '../../../src/engine/workers.ts';
import { approve, reject } from '../../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../../src/loop/missions.ts';
import { claimFrom } from '../loop.ts';
import { type Act, isHeld, pick, pickClaim, pickWorker } from './act.ts';
import * as rules from './model.ts';
import { missionsOf, type Model, type ProposalModel, stepsOf } from './model.ts';
import { adopt, AGENTS, codeOf, type Real, storePolicy } from './real.ts';
import { beat, muchTimePasses, schedule, timePasses, workerDies } from './time.ts';

const by = 'key:op';

async function propose(model: Model, real: Real, n: number): Promise<boolean> {
  const { manual, ...others } = real.kinds;
  // Two in five wait for a decision, as long as policy says so.
  const kind = pick([manual, manual, ...Object.values(others)], n) ?? '';
  const agent = pick(AGENTS, n >> 2) ?? 'pm';
  const made = await real.propose[n % 2]?.({ kind, agentId: agent });
  if (!made) throw new Error('nobody proposes');
  const status = rules.judge(model, kind, made.proposal.decision?.day ?? '');
  expect(made.proposal.status).toBe(status);
  const proposal: ProposalModel = {
    id: made.proposal.id,
    kind,
    agent,
    later: false,
    status,
    outcome: null,
    missions: [],
  };
  model.proposals.push(proposal);
  expect(made.mission !== null).toBe(status === 'approved');
  if (made.mission) {
    expect(made.mission.steps.map((step) => step.kind)).toEqual(model.policy.plans.get(kind));
    adopt(model, proposal, made.mission);
  }
  return true;
}

const decide =
  (as: 'approved' | 'rejected'): Act =>
  async (model, real, n) => {
    const pending = model.proposals.filter(({ status }) => status === 'pending');
    const proposal = pick(n % 4 === 0 ? model.proposals : pending, n);
    const operator = real.operators[n % 2];
    if (!proposal || !operator) return false;
    const deciding =
      as === 'approved' ? approve(operator, proposal.id, { by }) : reject(operator, proposal.id, { by });
    expect(await codeOf(deciding)).toBe(proposal.status === 'pending' ? null : 'conflict');
    if (proposal.status !== 'pending') return false;
    proposal.status = as;
    const { mission } = await deciding;
    if (mission) adopt(model, proposal, mission);
    return true;
  };

async function claim(model: Model, real: Real, n: number): Promise<boolean> {
  const worker = pickWorker(real, n);
  const ready = stepsOf(model).filter(({ step }) => step.status === 'ready');
  const kinds = n % 5 === 0 ? [...model.policy.plans.values()].flat() : ready.map(({ step }) => step.kind);
  const kind = pick([...new Set(kinds)], n >> 2);
  if (!worker || !kind) return false;
  const most = 1 + (n % 3);
  const claimed = await claimFrom(makeQueue(worker.database), worker.id, { [kind]: most });
  const { paused, pausedAgents } = model.policy;
  const free = stepsOf(model).filter(
    ({ step, mission }) =>
      step.kind === kind && step.status === 'ready' && !pausedAgents.has(mission.proposal.agent),
  );
  expect(claimed.length).toBe(paused || !worker.alive ? 0 : Math.min(most, free.length));
  for (const ref of claimed) {
    const found = free.find(({ step }) => step.id === ref.id);
    if (!found) throw new Error(`${ref.id} was claimed, and is not free`);
    rules.claim(found.step, ref.claim_id);
    expect([ref.attempt, ref.failures]).toEqual([found.step.attempt, found.step.failures]);
    real.claims.push({ ref, worker: worker.id, ...found });
  }
  return claimed.length > 0;
}

async function renew(_model: Model, real: Real, n: number): Promise<boolean> {
  const one = pickClaim(real, n);
  const worker = pickWorker(real, n);
  if (!one || !worker) return false;
  const { alive, lost } = await renewLease(worker.database, worker.id, [one.ref]);
  expect(alive).toBe(worker.alive);
  expect(lost.length > 0).toBe(!isHeld(one));
  return alive && lost.length === 0;
}

/** By its worker, and at the same time by a zombie that has the same claim. */
async function complete(_model: Model, real: Real, n: number): Promise<boolean> {
  const one = pickClaim(real, n);
  if (!one) return false;
  const done = { ...one.ref, output: n };
  const ends = await Promise.all(
    (n % 3 === 0 ? real.operators : [real.database]).map((db) => completeSteps(db, [done])),
  );
  const kept = ends.reduce((sum, end) => sum + end.size, 0);
  expect(kept).toBe(isHeld(one) ? 1 : 0);
  if (isHeld(one)) rules.complete(one.mission, one.step);
  return kept > 0;
}

async function fail(_model: Model, real: Real, n: number): Promise<boolean> {
  const one = pickClaim(real, n);
  if (!one) return false;
  const [final, delayed] = [n % 7 === 0, n % 2 === 0];
  const failure = { class: 'error' as const, message: `m${n}` };
  const failed = await real.database.transaction((tx) =>
    failStep(tx, { ...one.ref, failure, final, retryInMs: delayed ? 3_600_000 : 0 }),
  );
  expect(failed !== null).toBe(isHeld(one));
  if (failed === null) return false;
  rules.fail(one.mission, one.step, { final, next: 'delayed' });
  expect(failed.final).toBe(one.step.status === 'failed');
  return true;
}

async function release(_model: Model, real: Real, n: number): Promise<boolean> {
  const one = pickClaim(real, n);
  if (!one) return false;
  const delayed = n % 2 === 0;
  const why = { reason: 'shutdown', retryInMs: delayed ? 3_600_000 : 0 };
  const released = await releaseSteps(real.database, [one.ref], why);
  expect(released.size).toBe(isHeld(one) ? 1 : 0);
  if (isHeld(one)) rules.giveBack(one.step, delayed ? 'delayed' : 'ready');
  return released.size > 0;
}

async function cancel(model: Model, real: Real, n: number): Promise<boolean> {
  const active = missionsOf(model).filter(({ status }) => status === 'active');
  const mission = pick(n % 4 === 0 ? missionsOf(model) : active, n);
  const operator = real.operators[n % 2];
  if (!mission || !operator) return false;
  const code = await codeOf(cancelMission(operator, mission.id, { by }));
  expect(code).toBe(mission.status === 'active' ? null : 'conflict');
  if (code === null) rules.cancel(mission);
  return code === null;
}

async function retry(model: Model, real: Real, n: number): Promise<boolean> {
  const failed = missionsOf(model).filter(({ status, retried }) => status === 'failed' && !retried);
  const mission = pick(n % 4 === 0 ? missionsOf(model) : failed, n);
  if (!mission) return false;
  const trying = retryMission(real.database, mission.id, { by });
  const may = mission.status === 'failed' && !mission.retried;
  expect(await codeOf(trying)).toBe(may ? null : 'conflict');
  if (!may) return false;
  mission.retried = true;
  const made = await trying;
  const left = mission.steps.filter((step) => step.status !== 'completed').map((step) => step.kind);
  expect(made.steps.map((step) => step.kind)).toEqual(left);
  adopt(model, mission.proposal, made);
  return true;
}

const isWorked = (model: Model) => stepsOf(model).some(({ step }) => step.status === 'running');
const isPaused = ({ policy }: Model) => policy.paused || policy.pausedAgents.size > 0;

/** A pause stands in the way of everything else, so it is mostly over soon. */
const resume = changing((policy) => {
  policy.paused = false;
  policy.pausedAgents.clear();
});

const pause = changing((policy, n) => {
  if (n % 3 === 0) policy.paused = true;
  else policy.pausedAgents.add(pick(AGENTS, n) ?? 'pm');
});

const changePolicy = changing((policy, n, { manual, capped, long }) => {
  if (n % 4 === 0) policy.caps.set(capped, n % 9);
  else if (n % 4 === 1) policy.maxFailures = 1 + (n % 3);
  else if (n % 4 === 2 && !policy.auto.delete(manual)) policy.auto.add(manual);
  else policy.plans.set(long, (policy.plans.get(long) ?? []).toReversed());
});

/** Changes the policy of the model, and stores all of it. */
function changing(change: (policy: Model['policy'], n: number, kinds: Real['kinds']) => void): Act {
  return async (model, real, n) => {
    const before = structuredClone(model.policy);
    change(model.policy, n, real.kinds);
    await storePolicy(real.database, model);
    return !isDeepStrictEqual(before, model.policy);
  };
}

/** How often each is drawn. */
const COMMANDS: [weight: number, name: string, act: Act, may?: (model: Model) => boolean][] = [
  [6, 'propose', propose],
  [1, 'approve', decide('approved')],
  [1, 'reject', decide('rejected')],
  [9, 'claim', claim],
  [2, 'renew', renew],
  [7, 'complete', complete],
  [3, 'fail', fail],
  [2, 'release', release],
  [1, 'cancel', cancel],
  [2, 'retry', retry],
  [1, 'pause', pause],
  [4, 'resume', resume, isPaused],
  [1, 'change the policy', changePolicy],
  [3, 'time passes', timePasses],
  [1, 'much time passes', muchTimePasses],
  [4, 'a worker dies', workerDies, isWorked],
  [1, 'a beat', beat],
  [1, 'a schedule', schedule],
];

/** Of each sort, how many commands were run, and how many of them changed something. */
export const ran = new Map(COMMANDS.map(([, name]) => [name, { all: 0, effects: 0 }]));

/** The commands for fast-check, each with a number that picks among what is there. */
export function commandArbitraries(): fc.Arbitrary<fc.AsyncCommand<Model, Real>>[] {
  return COMMANDS.flatMap(([weight, name, act, may = () => true]) =>
    Array.from({ length: weight }, () =>
      fc.nat(10_000).map((n) => ({
        check: may,
        async run(model: Model, real: Real) {
          const counts = ran.get(name);
          const hasEffect = await act(model, real, n);
          if (!counts) return;
          counts.all++;
          if (hasEffect) counts.effects++;
        },
        toString: () => `${name}(${n})`,
      })),
    ),
  );
}
