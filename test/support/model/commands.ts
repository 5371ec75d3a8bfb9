import fc from 'fast-check';
import { expect } from 'vitest';
import { completeSteps } from '../../../src/engine/complete.ts';
import { failStep } from '../../../src/engine/fail.ts';
import { makeQueue } from '../../../src/engine/queue.ts';
import { promoteDelayed } from '../../../src/engine/promote.ts';
import { recoverSteps } from '../../../src/engine/recover.ts';
import { releaseSteps } from '../../../src/engine/release.ts';
import { buryDeadWorkers, renewLease } from '../../../src/engine/workers.ts';
import { ACTIONS } from '../../../src/heartbeat/actions.ts';
import { approve, reject } from '../../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../../src/loop/missions.ts';
import { takeDue } from '../../../src/schedules/take-due.ts';
import { claimFrom } from '../loop.ts';
import * as rules from './model.ts';
import { missionsOf, type Model, type ProposalModel, stepsOf } from './model.ts';
import { adopt, AGENTS, codeOf, newWorker, partsOf, type Real, storePolicy } from './real.ts';

/** One command: what it is called, and what it does to both. It fails where they differ. */
type Act = (model: Model, real: Real, n: number) => Promise<void>;

const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % Math.max(1, items.length)];
const by = 'key:op';

async function propose(model: Model, real: Real, n: number): Promise<void> {
  const kind = pick(Object.values(real.kinds), n) ?? '';
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
}

const decide =
  (as: 'approved' | 'rejected'): Act =>
  async (model, real, n) => {
    const proposal = pick(model.proposals, n);
    const operator = real.operators[n % 2];
    if (!proposal || !operator) return;
    const deciding =
      as === 'approved' ? approve(operator, proposal.id, { by }) : reject(operator, proposal.id, { by });
    expect(await codeOf(deciding)).toBe(proposal.status === 'pending' ? null : 'conflict');
    if (proposal.status !== 'pending') return;
    proposal.status = as;
    const { mission } = await deciding;
    if (mission) adopt(model, proposal, mission);
  };

async function claim(model: Model, real: Real, n: number): Promise<void> {
  const worker = pick(real.workers, n);
  const kind = pick([...new Set([...model.policy.plans.values()].flat())], n >> 2);
  if (!worker || !kind) return;
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
    real.claims.push({ ref, ...found });
  }
}

/** Mostly one of the newest claims, now and then one that is long lost. */
const pickClaim = (real: Real, n: number) => pick(n % 5 === 0 ? real.claims : real.claims.slice(-4), n >> 3);
const isHeld = ({ step, ref }: Real['claims'][number]) =>
  step.status === 'running' && step.claim === ref.claim_id;

async function renew(_model: Model, real: Real, n: number): Promise<void> {
  const one = pickClaim(real, n);
  const worker = pick(real.workers, n);
  if (!one || !worker?.alive) return;
  const { lost } = await renewLease(worker.database, worker.id, [one.ref]);
  expect(lost.length > 0).toBe(!isHeld(one));
}

/** By its worker, and at the same time by a zombie that has the same claim. */
async function complete(_model: Model, real: Real, n: number): Promise<void> {
  const one = pickClaim(real, n);
  if (!one) return;
  const done = { ...one.ref, output: n };
  const ends = await Promise.all(
    (n % 3 === 0 ? real.operators : [real.database]).map((db) => completeSteps(db, [done])),
  );
  const kept = ends.reduce((sum, end) => sum + end.size, 0);
  expect(kept).toBe(isHeld(one) ? 1 : 0);
  if (isHeld(one)) rules.complete(one.mission, one.step);
}

async function fail(_model: Model, real: Real, n: number): Promise<void> {
  const one = pickClaim(real, n);
  if (!one) return;
  const [final, delayed] = [n % 7 === 0, n % 2 === 0];
  const failure = { class: 'error' as const, message: `m${n}` };
  const failed = await real.database.transaction((tx) =>
    failStep(tx, { ...one.ref, failure, final, retryInMs: delayed ? 3_600_000 : 0 }),
  );
  if (!isHeld(one)) return expect(failed).toBeNull();
  rules.fail(one.mission, one.step, { final, next: 'delayed' });
  expect(failed?.final).toBe(one.step.status === 'failed');
}

async function release(_model: Model, real: Real, n: number): Promise<void> {
  const one = pickClaim(real, n);
  if (!one) return;
  const delayed = n % 2 === 0;
  const why = { reason: 'shutdown', retryInMs: delayed ? 3_600_000 : 0 };
  const released = await releaseSteps(real.database, [one.ref], why);
  expect(released.size).toBe(isHeld(one) ? 1 : 0);
  if (isHeld(one)) rules.giveBack(one.step, delayed ? 'delayed' : 'ready');
}

async function cancel(model: Model, real: Real, n: number): Promise<void> {
  const mission = pick(missionsOf(model), n);
  const operator = real.operators[n % 2];
  if (!mission || !operator) return;
  const code = await codeOf(cancelMission(operator, mission.id, { by }));
  expect(code).toBe(mission.status === 'active' ? null : 'conflict');
  if (code === null) rules.cancel(mission);
}

async function retry(model: Model, real: Real, n: number): Promise<void> {
  const failed = missionsOf(model).filter(({ status }) => status === 'failed');
  const mission = pick(n % 4 === 0 ? missionsOf(model) : failed, n);
  if (!mission) return;
  const trying = retryMission(real.database, mission.id, { by });
  const may = mission.status === 'failed' && !mission.retried;
  expect(await codeOf(trying)).toBe(may ? null : 'conflict');
  if (!may) return;
  mission.retried = true;
  const made = await trying;
  const left = mission.steps.filter((step) => step.status !== 'completed').map((step) => step.kind);
  expect(made.steps.map((step) => step.kind)).toEqual(left);
  adopt(model, mission.proposal, made);
}

async function pause(model: Model, real: Real, n: number): Promise<void> {
  const { policy } = model;
  if (n % 3 === 0) policy.paused = !policy.paused;
  else {
    const agent = pick(AGENTS, n) ?? 'pm';
    if (!policy.pausedAgents.delete(agent)) policy.pausedAgents.add(agent);
  }
  await storePolicy(real.database, model);
}

async function changePolicy(model: Model, real: Real, n: number): Promise<void> {
  const { policy } = model;
  const { manual, capped, long } = real.kinds;
  if (n % 4 === 0) policy.caps.set(capped, n % 9);
  else if (n % 4 === 1) policy.maxFailures = 1 + (n % 3);
  else if (n % 4 === 2 && !policy.auto.delete(manual)) policy.auto.add(manual);
  else policy.plans.set(long, (policy.plans.get(long) ?? []).toReversed());
  await storePolicy(real.database, model);
}

/** What waits for a time can be claimed. */
async function timePasses(model: Model, real: Real): Promise<void> {
  const delayed = stepsOf(model).filter(({ step }) => step.status === 'delayed');
  const ids = delayed.map(({ step }) => step.id);
  await real.database.query('update ops_steps set available_at = now() where id = any($1::uuid[])', [ids]);
  await promoteDelayed(real.database);
  for (const { step } of delayed) step.status = 'ready';
}

/** So much time that everything that runs is stale. */
async function muchTimePasses(model: Model, real: Real): Promise<void> {
  const stale = { why: 'stale', afterMinutes: -1, perKind: {} } as const;
  await Promise.all(real.operators.map((db) => db.transaction((tx) => recoverSteps(tx, stale))));
  takeBack(model, () => true);
}

function takeBack(model: Model, which: (claimId: string) => boolean): void {
  for (const { step, mission } of stepsOf(model))
    if (step.status === 'running' && step.claim !== null && which(step.claim))
      rules.fail(mission, step, { final: false, next: 'ready' });
}

async function workerDies(model: Model, real: Real, n: number): Promise<void> {
  const worker = pick(real.workers, n);
  if (!worker?.alive) return;
  const held = await real.database.query<{ claim_id: string }>(
    `select claim_id from ops_steps where worker_id = $1 and status = 'running'`,
    [worker.id],
  );
  await real.database.query(
    `update ops_workers set lease_expires_at = now() - interval '1 minute' where worker_id = $1`,
    [worker.id],
  );
  const sweep = async () => {
    await real.database.transaction((tx) => buryDeadWorkers(tx));
    await real.database.transaction((tx) => recoverSteps(tx, { why: 'worker_died' }));
  };
  await Promise.all([sweep(), sweep()]);
  worker.alive = false;
  const claims = new Set(held.map((row) => row.claim_id));
  takeBack(model, (claimId) => claims.has(claimId));
  real.workers.push(await newWorker(worker.database));
}

/** A beat finds nothing to do but what time has brought about. */
async function beat(_model: Model, real: Real): Promise<void> {
  for (const action of ACTIONS) await action.run(real.database);
}

/** Some hours later a schedule has missed due times and proposes once; two processes come for it. */
async function schedule(model: Model, real: Real, n: number): Promise<void> {
  real.schedule.now += (1 + (n % 3)) * 3_600_000;
  const now = new Date(real.schedule.now);
  await Promise.all(real.operators.map((db) => takeDue(partsOf(db), now, [])));
  const known = new Set(model.proposals.map((one) => one.id));
  const rows = await real.database.query<{
    id: string;
    day: string;
    mission: string | null;
    steps: { id: string; kind: string }[];
  }>(
    `select p.id, p.decision ->> 'day' as day, m.id as mission, (
       select jsonb_agg(jsonb_build_object('id', s.id, 'kind', s.kind) order by s.position)
       from ops_steps s where s.mission_id = m.id) as steps
     from ops_proposals p left join ops_missions m on m.proposal_id = p.id
     where p.created_by = $1 order by p.id`,
    [`schedule:${real.schedule.name}`],
  );
  const fresh = rows.filter((row) => !known.has(row.id));
  expect(fresh).toHaveLength(1);
  for (const { id, day, mission, steps } of fresh) {
    const { simple: kind } = real.kinds;
    const status = rules.judge(model, kind, day);
    const proposal: ProposalModel = {
      id,
      kind,
      agent: 'pm',
      later: true,
      status,
      outcome: null,
      missions: [],
    };
    model.proposals.push(proposal);
    expect(mission !== null).toBe(status === 'approved');
    if (mission) rules.begin(model, proposal, mission, steps);
  }
}

/** How often each is drawn. */
const COMMANDS: [number, string, Act][] = [
  [6, 'propose', propose],
  [2, 'approve', decide('approved')],
  [1, 'reject', decide('rejected')],
  [9, 'claim', claim],
  [2, 'renew', renew],
  [7, 'complete', complete],
  [3, 'fail', fail],
  [2, 'release', release],
  [1, 'cancel', cancel],
  [2, 'retry', retry],
  [1, 'pause', pause],
  [1, 'change the policy', changePolicy],
  [3, 'time passes', timePasses],
  [1, 'much time passes', muchTimePasses],
  [1, 'a worker dies', workerDies],
  [1, 'a beat', beat],
  [1, 'a schedule', schedule],
];

/** How many commands were run, of each sort. */
export const ran = new Map<string, number>();

/** The commands for fast-check, each with a number that picks among what is there. */
export function commandArbitraries(): fc.Arbitrary<fc.AsyncCommand<Model, Real>>[] {
  return COMMANDS.flatMap(([weight, name, act]) =>
    Array.from({ length: weight }, () =>
      fc.nat(10_000).map((n) => ({
        check: () => true,
        async run(model: Model, real: Real) {
          ran.set(name, (ran.get(name) ?? 0) + 1);
          await act(model, real, n);
        },
        toString: () => `${name}(${n})`,
      })),
    ),
  );
}
