import type { Db } from '../db/database.ts';
import type { ProposalFilter, ProposalRow } from './schema.ts';

export async function selectProposal(db: Db, id: string): Promise<ProposalRow | null> {
  const [row] = await db.query<ProposalRow>('select * from ops_proposals where id = $1', [id]);
  return row ?? null;
}

export async function existsAny(db: Db, ids: string[]): Promise<boolean> {
  const [row] = await db.query<{ any: boolean }>(
    'select exists (select from ops_proposals where id = any($1::uuid[])) as any',
    [ids],
  );
  return row?.any ?? false;
}

/** The newest first. Ids are drawn in the order of time, so the primary key is the order of the list. */
export function selectPage(
  db: Db,
  filter: ProposalFilter,
  beforeId: string | null,
  limit: number,
): Promise<{ id: string; bytes: number }[]> {
  return db.query<{ id: string; bytes: number }>(
    `select id, coalesce(octet_length(body), 0) as bytes from ops_proposals
     where ($1::text is null or status = $1)
       -- What the index of pending ones is made by.
       and ($1::text is distinct from 'pending' or decided_at is null)
       and ($2::text is null or kind = $2)
       and ($3::text is null or agent_id = $3)
       and ($4::uuid is null or id < $4)
     order by id desc limit $5`,
    [filter.status ?? null, filter.kind ?? null, filter.agentId ?? null, beforeId, limit],
  );
}

export function selectProposals(db: Db, ids: string[]): Promise<ProposalRow[]> {
  return db.query<ProposalRow>('select * from ops_proposals where id = any ($1::uuid[]) order by id desc', [
    ids,
  ]);
}
