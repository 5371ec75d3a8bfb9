import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { existsAny, selectPage, selectProposal, selectProposals } from './queries.ts';
import type { ProposalFilter, ProposalRow } from './schema.ts';

/** @throws AppError not_found */
export async function getProposal(db: Db, id: string): Promise<ProposalRow> {
  const row = await selectProposal(db, id);
  if (!row) throw new AppError('not_found', `There is no proposal ${id}.`, { details: { id } });
  return row;
}

/** Whether at least one of these ids is stored. */
export function anyProposalStored(db: Db, ids: string[]): Promise<boolean> {
  return existsAny(db, ids);
}

/** A page holds no more text than this, however many proposals were asked for, but at least one of them. */
const MOST_PAGE_BYTES = 8_388_608;

/** A page, the newest first, and whether there are more. */
export async function listProposals(
  db: Db,
  filter: ProposalFilter,
  page: { beforeId: string | null; limit: number },
): Promise<{ rows: ProposalRow[]; more: boolean }> {
  const found = await selectPage(db, filter, page.beforeId, page.limit + 1);
  let bytes = 0;
  const fits = found.slice(0, page.limit).filter((one, index) => {
    bytes += one.bytes;
    return index === 0 || bytes <= MOST_PAGE_BYTES;
  });
  const rows = await selectProposals(
    db,
    fits.map((one) => one.id),
  );
  return { rows, more: found.length > fits.length };
}
