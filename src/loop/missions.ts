import type { Database, Db } from '../db/database.ts';
import { brokenConstraint } from '../db/sqlstate.ts';
import { failMissions } from '../engine/fail-missions.ts';
import { AppError } from '../errors.ts';
import { getMission } from '../missions/missions.ts';
import { runsOnce } from '../policy/gates.ts';
import { readPolicy } from '../policy/policy.ts';
import { SHARE_POLICY } from '../policy/queries.ts';
import { getProposal } from '../proposals/proposals.ts';
import { stepsOf } from '../steps/steps.ts';
import { planRetry } from './plan-mission.ts';
import { insertMissions, reopenFile } from './queries.ts';
import type { MissionWithSteps } from './schema.ts';

/**
 * Ends an active mission; its running step is aborted by its worker, which finds the claim lost.
 * @throws AppError not_found, or conflict when it has ended already
 */
export async function cancelMission(
  database: Database,
  id: string,
  given: { by: string; reason?: string | undefined },
): Promise<MissionWithSteps> {
  const cancelled = await database.transaction(async (tx) => {
    await getMission(tx, id);
    const message = given.reason ? `Cancelled: ${given.reason}` : 'Cancelled by an operator.';
    const ended = await failMissions(tx, [
      {
        missionId: id,
        outcome: 'cancelled',
        failure: {
          class: 'cancelled',
          message,
          step_id: null,
          cause: { by: given.by, ...(given.reason ? { reason: given.reason } : {}) },
        },
      },
    ]);
    if (!ended.has(id)) throw await endedAlready(tx, id);
    return withSteps(tx, id);
  });
  database.hints.tell('policy');
  database.hints.tell('events');
  return cancelled;
}

/**
 * Continues a failed mission with a new one of the same proposal: the steps that were not completed, which
 * get the outputs of those that were.
 * @throws AppError not_found, or conflict when it has not failed or was retried already
 */
export async function retryMission(
  database: Database,
  id: string,
  given: { by: string },
): Promise<MissionWithSteps> {
  const retrying = database.transaction(async (tx) => {
    const mission = await getMission(tx, id);
    if (mission.status !== 'failed' || mission.proposal_id === null) {
      throw new AppError(
        'conflict',
        `Mission ${id} is ${mission.status}; only a failed mission can be retried.`,
        {
          details: { status: mission.status },
        },
      );
    }
    const proposal = await getProposal(tx, mission.proposal_id);
    if (runsOnce(proposal.kind)) {
      throw new AppError(
        'conflict',
        `A command runs once for one approval. Propose it again, so that somebody approves it again.`,
        { details: { kind: proposal.kind } },
      );
    }
    const remaining = (await stepsOf(tx, id)).filter((step) => step.status !== 'completed');
    const plan = planRetry(proposal, await readPolicy(tx), given.by, id, remaining);
    const made = await insertMissions(tx, [plan.mission], plan.steps);
    if (!(await reopenFile(tx, proposal.id, given.by)))
      throw new AppError(
        'conflict',
        'How it ended is still being written to its file; retry it in a moment.',
        { retryAfter: 2 },
      );
    const [started] = made.missions;
    if (!started) throw new Error('an insert returned no row');
    return { mission: started, steps: made.steps };
  }, SHARE_POLICY);
  const retried = await retrying.catch((error: unknown) => {
    const broken = brokenConstraint(error);
    if (broken === 'ops_files_open')
      throw new AppError(
        'conflict',
        'A newer file of the same name is being worked in the inbox; retry when it has ended.',
      );
    if (broken !== 'ops_missions_retry_once' && broken !== 'ops_missions_one_active') throw error;
    throw new AppError(
      'conflict',
      `Mission ${id} was retried already; look at the proposal's newest mission.`,
    );
  });
  database.hints.tell('steps');
  database.hints.tell('events');
  return retried;
}

export async function withSteps(db: Db, missionId: string): Promise<MissionWithSteps> {
  return { mission: await getMission(db, missionId), steps: await stepsOf(db, missionId) };
}

async function endedAlready(tx: Db, id: string): Promise<AppError> {
  const { status, completed_at } = await getMission(tx, id);
  return new AppError(
    'conflict',
    `Mission ${id} is ${status} since ${completed_at?.toISOString()}; only an active mission can be cancelled.`,
    { details: { status, completed_at } },
  );
}
