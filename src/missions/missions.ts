import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { selectLatestMission, selectMission, selectMissions } from './queries.ts';
import type { MissionFilter, MissionRow } from './schema.ts';

/** @throws AppError not_found */
export async function getMission(db: Db, id: string): Promise<MissionRow> {
  const row = await selectMission(db, id);
  if (!row) throw new AppError('not_found', `There is no mission ${id}.`, { details: { id } });
  return row;
}

export function latestMission(db: Db, proposalId: string): Promise<MissionRow | null> {
  return selectLatestMission(db, proposalId);
}

export function listMissions(
  db: Db,
  filter: MissionFilter,
  page: { beforeId: string | null; limit: number },
): Promise<MissionRow[]> {
  return selectMissions(db, filter, page.beforeId, page.limit);
}
