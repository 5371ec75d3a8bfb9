import { expect } from 'vitest';
import { promoteDelayed } from '../../../src/engine/promote.ts';
import { recoverSteps } from '../../../src/engine/recover.ts';
import { buryDeadWorkers } from '../../../src/engine/workers.ts';
import { ACTIONS } from '../../../src/heartbeat/actions.ts';
import { takeDue } from '../../../src/schedules/take-due.ts';
import { isHeld, pickHolder } from './act.ts';
import * as rules from './model.ts';
import { type Model, type ProposalModel, stepsOf } from './model.ts';
import { newWorker, partsOf, type Real } from './real.ts';

/** What waits for a time can be claimed. */
export async function timePasses(model: Model, real: Real): Promise<boolean> {
  const delayed = stepsOf(model).filter(({ step }) => step.status === 'delayed');
  const ids = delayed.map(({ step }) => step.id);
  await real.database.query('update ops_steps set available_at = now() where id = any($1::uuid[])', [ids]);
  await promoteDelayed(real.database);
  for (const { step } of delayed) step.status = 'ready';
  return delayed.length > 0;
}

/** So much time that everything that runs is stale. */
export async function muchTimePasses(_model: Model, real: Real): Promise<boolean> {
  const stale = { why: 'stale', afterMinutes: -1, perKind: {} } as const;
  await Promise.all(real.operators.map((db) => db.transaction((tx) => recoverSteps(tx, stale))));
  return takeBack(real.claims);
}

/** @returns whether one of these claims held */
function takeBack(claims: Real['claims']): boolean {
  const held = claims.filter(isHeld);
  for (const { step, mission } of held) rules.fail(mission, step, { final: false, next: 'ready' });
  return held.length > 0;
}

export async function workerDies(_model: Model, real: Real, n: number): Promise<boolean> {
  const worker = pickHolder(real, n);
  if (!worker?.alive) return false;
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
  const held = takeBack(real.claims.filter((one) => one.worker === worker.id));
  real.workers.push(await newWorker(worker.database));
  return held;
}

/** A beat counts the log and finds nothing else to do: what time has brought about was done at once. */
export async function beat(_model: Model, real: Real): Promise<boolean> {
  for (const action of ACTIONS) {
    const told = await action.run(real.database);
    if (action.name !== 'countEvents') expect(Object.values(told)).toEqual(Object.values(told).map(() => 0));
  }
  return false;
}

/** Some hours later a schedule has missed due times and proposes once; two processes come for it. */
export async function schedule(model: Model, real: Real, n: number): Promise<boolean> {
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
  return true;
}
