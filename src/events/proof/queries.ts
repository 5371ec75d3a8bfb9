import type { Db } from '../../db/database.ts';
import { DIGEST } from '../queries.ts';
import type { Head } from './heads.ts';

export type Batch = {
  first_seq: number;
  last_seq: number;
  ids: string;
  digests: Buffer;
  hash: Buffer;
  max_event_id: number;
  /** Of the last batch of a reading only: it tells of all before it. */
  gaps: string | null;
};

/**
 * The batches after a place, up to the one that holds the place `size` further on, and of those that are sealed
 * meanwhile none: only the last one tells its gaps.
 */
export function selectBatches(
  db: Db,
  { afterSeq, throughSeq }: { afterSeq: number; throughSeq: number },
  size: number,
): Promise<Batch[]> {
  return db.query<Batch>(
    `select first_seq, last_seq, ids::text, digests, hash, max_event_id,
       case when last_seq = max(last_seq) over () then gaps::text end as gaps
     from ops_event_batches
     where last_seq > $1 and last_seq <= $3 and last_seq <= coalesce(
       (select last_seq from ops_event_batches where last_seq >= $1 + $2 order by last_seq limit 1), $1 + $2)
     order by last_seq`,
    [afterSeq, size, throughSeq],
  );
}

/**
 * Which of these events are there, and what each one's digest is now, in the order of their ids. `offset 0` keeps
 * the planner from walking the whole table instead of each range: it takes a range for a big part of it.
 */
export async function selectDigests(db: Db, ids: string): Promise<{ ids: string; digests: Buffer }> {
  const [row] = await db.query<{ ids: string; digests: Buffer }>(
    `select coalesce(range_agg(int8range(id, id + 1)), '{}')::text as ids,
       coalesce(string_agg(digest, ''::bytea order by id), '') as digests
     from unnest($1::int8multirange) span, lateral (
       select e.id, ${DIGEST} as digest from ops_events e where e.id >= lower(span) and e.id < upper(span)
       offset 0) as row`,
    [ids],
  );
  return row ?? { ids: '{}', digests: Buffer.alloc(0) };
}

/** The ids in use after one and up to another, `limit` at most; `last` is null when there are no more. */
export async function selectUsedIds(
  db: Db,
  range: { after: number; through: number },
  limit: number,
): Promise<{ ids: string; last: number | null }> {
  const [row] = await db.query<{ ids: string; last: number | null }>(
    `select coalesce(range_agg(int8range(id, id + 1)), '{}')::text as ids, max(id) as last
     from (select id from ops_events where id > $1 and id <= $2 order by id limit $3) as next`,
    [range.after, range.through, limit],
  );
  return row ?? { ids: '{}', last: null };
}

/** `installation` names the log: it is the beginning of its first batch's hash. */
export type ChainEnd = Head & { installation: string };

/** Where the chain ends, and which log it is; null while nothing is sealed. */
export async function selectChainEnd(db: Db): Promise<ChainEnd | null> {
  const [row] = await db.query<ChainEnd>(
    `select last_seq as seq, encode(hash, 'hex') as hash,
       (select left(encode(hash, 'hex'), 32) from ops_event_batches order by last_seq limit 1) as installation
     from ops_event_batches order by last_seq desc limit 1`,
  );
  return row ?? null;
}

/** The hash of the batch that ends at a place; null when none ends there. */
export async function selectHashAt(db: Db, seq: number): Promise<string | null> {
  const [row] = await db.query<{ hash: string }>(
    `select encode(hash, 'hex') as hash from ops_event_batches where last_seq = $1`,
    [seq],
  );
  return row?.hash ?? null;
}

/** How many events wait for their seal: after the last sealed one, or in its gaps. */
export async function countUnsealed(db: Db): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `with head as materialized (
       select max_event_id, gaps from ops_event_batches order by last_seq desc limit 1)
     select (select count(*) from ops_events where id > coalesce((select max_event_id from head), 0))
       + (select count(*) from head, unnest(gaps) gap, lateral (
            select from ops_events where id >= lower(gap) and id < upper(gap) offset 0) as late) as count`,
  );
  return row?.count ?? 0;
}

/** The events that tell of dropped ones, among the next rows after an id; `last` is null when there are no more rows. */
export async function selectPrunings(
  db: Db,
  afterId: number,
  limit: number,
): Promise<{ prunings: { id: number; payload: unknown }[]; last: number | null }> {
  const [row] = await db.query<{ prunings: { id: number; payload: unknown }[]; last: number | null }>(
    `select coalesce(jsonb_agg(jsonb_build_object('id', id, 'payload', payload)) filter (where kind = 'log.pruned'), '[]')
       as prunings, max(id) as last
     from (select id, kind, payload from ops_events where id > $1 order by id limit $2) as next`,
    [afterId, limit],
  );
  return row ?? { prunings: [], last: null };
}
