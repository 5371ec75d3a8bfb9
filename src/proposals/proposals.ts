import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { existsAny, selectProposal, selectProposals } from './queries.ts';
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

export function listProposals(
  db: Db,
  filter: ProposalFilter,
  page: { beforeId: string | null; limit: number },
): Promise<ProposalRow[]> {
  return selectProposals(db, filter, page.beforeId, page.limit);
}
