import type { Db } from '../db/database.ts';
import type { ProposalFilter, ProposalPage, ProposalRow } from './schema.ts';

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

/** Ids are drawn in the order of time, so the primary key is the order of the list. */
export function selectPage(
  db: Db,
  filter: ProposalFilter & { id?: string | undefined },
  page: Pick<ProposalPage, 'afterId' | 'oldestFirst'>,
  most: number,
): Promise<{ id: string; title: string; bytes: number }[]> {
  const [after, order] = page.oldestFirst ? ['>', 'asc'] : ['<', 'desc'];
  return db.query<{ id: string; title: string; bytes: number }>(
    `select id, title, coalesce(octet_length(body), 0) as bytes from ops_proposals
     where ($1::text is null or status = $1)
       -- What the index of pending ones is made by.
       and ($1::text is distinct from 'pending' or decided_at is null)
       and ($2::text is null or kind = $2)
       and ($3::text is null or agent_id = $3)
       and ($4::uuid is null or id ${after} $4)
       and ($5::uuid is null or id = $5)
     order by id ${order} limit $6`,
    [
      filter.status ?? null,
      filter.kind ?? null,
      filter.agentId ?? null,
      page.afterId,
      filter.id ?? null,
      most,
    ],
  );
}

/** All columns, but none of the large ones: their contents lie apart and are not read. */
const SLIM = `id, agent_id, kind, title, null as body, status, null as policy_snapshot, created_at, decided_at,
  priority, run_at, created_by, cap_day, decision, null as original, outcome, completed_at, traceparent`;

/** The newest first. */
export function selectProposals(db: Db, ids: string[], slim = false): Promise<ProposalRow[]> {
  return db.query<ProposalRow>(
    `select ${slim ? SLIM : '*'} from ops_proposals where id = any ($1::uuid[]) order by id desc`,
    [ids],
  );
}

/** A proposal as the gates see it, and the calendar day it was made on in two time zones. */
export type ReplayRow = { id: string; agent_id: string; kind: string; day: string; other_day: string };

/** The newest proposal since a time that is left out when `most` are replayed; null when that many are all. */
export async function selectLeftOut(
  db: Db,
  given: { since: Date; afterId: string; most: number },
): Promise<{ id: string; created_at: Date } | null> {
  const [row] = await db.query<{ id: string; created_at: Date }>(
    `select id, created_at from ops_proposals where id > $1 and created_at >= $2
     order by id desc offset $3 limit 1`,
    [given.afterId, given.since, given.most],
  );
  return row ?? null;
}

/** The next proposals of a replay, in the order of their making. */
export function selectReplay(
  db: Db,
  given: { since: Date; afterId: string; zones: readonly [string, string]; limit: number },
): Promise<ReplayRow[]> {
  return db.query<ReplayRow>(
    `select id, agent_id, kind, (created_at at time zone $3)::date as day,
       (created_at at time zone $4)::date as other_day
     from ops_proposals where id > $1 and created_at >= $2
     order by id limit $5`,
    [given.afterId, given.since, ...given.zones, given.limit],
  );
}

/** What a list of examples shows of a proposal. */
export type Example = Pick<ProposalRow, 'id' | 'title' | 'agent_id' | 'kind' | 'created_at'>;

export function selectExamples(db: Db, ids: string[]): Promise<Example[]> {
  return db.query<Example>(
    'select id, title, agent_id, kind, created_at from ops_proposals where id = any ($1::uuid[])',
    [ids],
  );
}
