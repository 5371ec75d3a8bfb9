import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { type Page, readPage } from '../lib/read-page.ts';
import {
  countAhead,
  selectPage,
  selectPriorOutputs,
  selectStep,
  selectSteps,
  selectStepsOf,
} from './queries.ts';
import type { PriorOutput, ShownStep, StepFilter, StepRow } from './schema.ts';

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

/**
 * A page, the newest first. For the steps that a worker has worked it looks at 5,000 rows at most and goes on with
 * `next`; those that it works now are found at once.
 */
export async function listSteps(
  db: Db,
  filter: StepFilter,
  page: { beforeId: string | null; limit: number; slim?: boolean },
): Promise<Page<StepRow>> {
  const { workerId, status } = filter;
  const { rows, next } = await readPage(
    page.limit,
    (most: number) => selectPage(db, filter, page.beforeId, most),
    workerId === undefined || status === 'running' ? null : (step) => step.worker_id === workerId,
  );
  const ids = rows.map(({ id }) => id);
  if (page.slim) return { rows: await selectSteps(db, ids, true), next };
  const { steps, lastId } = await readUntilLarge(db, ids);
  return { rows: steps, next: lastId === ids.at(-1) ? next : (lastId ?? null) };
}

/** What steps produced can be half a megabyte each: a page ends with the group that makes it larger than this. */
const MOST_PAGE_BYTES = 8_388_608;
const GROUP = 20;

async function readUntilLarge(db: Db, ids: string[]): Promise<{ steps: StepRow[]; lastId?: string }> {
  const steps: StepRow[] = [];
  let at = 0;
  for (let bytes = 0; at < ids.length && bytes < MOST_PAGE_BYTES; at += GROUP) {
    const group = await selectSteps(db, ids.slice(at, at + GROUP), false);
    steps.push(...group);
    for (const { input, output } of group) bytes += JSON.stringify([input, output]).length;
  }
  const lastId = ids[Math.min(at, ids.length) - 1];
  return lastId === undefined ? { steps } : { steps, lastId };
}

/** What the steps before a position of a mission have produced. */
export function priorOutputs(db: Db, missionId: string, position: number): Promise<PriorOutput[]> {
  return selectPriorOutputs(db, missionId, position);
}

/** How many steps will be claimed before this one if no other agent has any, counted up to 1,000. */
export function stepsAhead(db: Db, step: StepRow): Promise<number> {
  return countAhead(db, step, 1_000);
}

/** A step as it is shown: the id of its claim is between the engine and its worker. */
export function shownStep({ claim_id: _claim, ...step }: StepRow): ShownStep {
  return step;
}
