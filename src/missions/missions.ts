import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { type Page, readPage, titleHas } from '../lib/read-page.ts';
import { isUuid } from '../lib/uuid7.ts';
import { selectLatestMission, selectMission, selectMissions, selectPage } from './queries.ts';
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

/** A page, the newest first. A search looks at 5,000 rows at most and goes on with `next`. */
export async function listMissions(
  db: Db,
  filter: MissionFilter,
  page: { beforeId: string | null; limit: number },
): Promise<Page<MissionRow>> {
  const { q, ...others } = filter;
  const exact = q !== undefined && isUuid(q) ? { ...others, id: q } : others;
  const { rows, next } = await readPage(
    page.limit,
    (most: number) => selectPage(db, exact, page.beforeId, most),
    q === undefined || exact !== others ? null : titleHas(q),
  );
  const ids = rows.map(({ id }) => id);
  return { rows: await selectMissions(db, ids), next };
}
