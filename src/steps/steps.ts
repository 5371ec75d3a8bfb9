import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { countAhead, selectPriorOutputs, selectStep, selectSteps, selectStepsOf } from './queries.ts';
import type { PriorOutput, StepFilter, StepRow } from './schema.ts';

/** @throws AppError not_found */
export async function getStep(db: Db, id: string): Promise<StepRow> {
  const row = await selectStep(db, id);
  if (!row) throw new AppError('not_found', `There is no step ${id}.`, { details: { id } });
  return row;
}

/** The steps of a mission in their order. */
export function stepsOf(db: Db, missionId: string): Promise<StepRow[]> {
  return selectStepsOf(db, [missionId]);
}

export function listSteps(
  db: Db,
  filter: StepFilter,
  page: { beforeId: string | null; limit: number },
): Promise<StepRow[]> {
  return selectSteps(db, filter, page.beforeId, page.limit);
}

/** What the steps before a position of a mission have produced. */
export function priorOutputs(db: Db, missionId: string, position: number): Promise<PriorOutput[]> {
  return selectPriorOutputs(db, missionId, position);
}

/** How many steps will be claimed before this one if no other agent has any, counted up to 1,000. */
export function stepsAhead(db: Db, step: StepRow): Promise<number> {
  return countAhead(db, step, 1_000);
}
