import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { type Page, readPage, titleHas } from '../lib/read-page.ts';
import { isUuid } from '../lib/uuid7.ts';
import { existsAny, selectPage, selectProposal, selectProposals } from './queries.ts';
import type { ProposalFilter, ProposalPage, ProposalRow } from './schema.ts';

/** Null when there is none (any more). */
export function findProposal(db: Db, id: string): Promise<ProposalRow | null> {
  return selectProposal(db, id);
}

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

/** A page, the newest first unless asked otherwise. A search looks at 5,000 rows at most and goes on with `next`. */
export async function listProposals(
  db: Db,
  filter: ProposalFilter,
  page: ProposalPage,
): Promise<Page<ProposalRow>> {
  const { q, ...others } = filter;
  const exact = q !== undefined && isUuid(q) ? { ...others, id: q } : others;
  const found = await readPage(
    page.limit,
    (most: number) => selectPage(db, exact, page, most),
    q === undefined || exact !== others ? null : titleHas(q),
  );
  let bytes = 0;
  const fits = found.rows.filter((one, index) => {
    bytes += page.slim ? 0 : one.bytes;
    return index === 0 || bytes <= MOST_PAGE_BYTES;
  });
  const ids = fits.map((one) => one.id);
  const rows = await selectProposals(db, ids, page.slim);
  return {
    rows: page.oldestFirst ? rows.toReversed() : rows,
    next: fits.length < found.rows.length ? (ids.at(-1) ?? null) : found.next,
  };
}
