import type { Db } from '../db/database.ts';
import { parseRanges } from './ranges.ts';
import type { EventFilter, EventRow, NewEvent, PolicyChange } from './schema.ts';

/** Writes events in the caller's transaction, in the order given. */
export async function insertEvents(tx: Db, events: NewEvent[]): Promise<void> {
  await tx.query(
    `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
     select kind, source, entity, "entityId", "proposalId", payload
     from rows from (jsonb_to_recordset($1::jsonb) as
       (kind text, source text, entity text, "entityId" text, "proposalId" uuid, payload jsonb)) with ordinality
     order by ordinality`,
    [JSON.stringify(events)],
  );
}

const COLUMNS = 'e.id, e.kind, e.source, e.payload, e.created_at, e.entity, e.entity_id, e.proposal_id';

const FILTER = `
  ($1::text is null or case when right($1, 1) = '.' then starts_with(e.kind, $1) else e.kind = $1 end)
  and ($2::text is null or e.entity = $2)
  and ($3::text is null or e.entity_id = $3)
  and ($4::text is null or case when e.entity = 'report' then e.source = 'agent:' || $4 else exists (
    select from ops_proposals p where p.id = e.proposal_id and p.agent_id = $4) end)`;

const filterValues = (filter: EventFilter) => [
  filter.kind ?? null,
  filter.entity ?? null,
  filter.entityId ?? null,
  filter.agentId ?? null,
];

/** The places of events by their ids, for the places asked for. A batch names its events by ranges of ids. */
async function selectPlaces(
  db: Db,
  { fromSeq, throughSeq }: { fromSeq: number; throughSeq: number },
): Promise<Map<number, number>> {
  const batches = await db.query<{ first_seq: number; ids: string }>(
    `select first_seq, ids::text from ops_event_batches
     where last_seq >= $1 and last_seq <= coalesce(
       (select last_seq from ops_event_batches where last_seq >= $2 order by last_seq limit 1), $2)`,
    [fromSeq, throughSeq],
    'opsloop_batches',
  );
  const places = new Map<number, number>();
  for (const { first_seq, ids } of batches) {
    let seq = first_seq;
    for (const { from, to } of parseRanges(ids) ?? []) {
      const last = Math.min(to - 1, from + throughSeq - seq);
      for (let id = from + Math.max(0, fromSeq - seq); id <= last; id++) places.set(id, seq + id - from);
      seq += to - from;
    }
  }
  return places;
}

export type SealedIds = { ids: number[]; throughSeq: number; sealedAt: Date };

/**
 * The ids of the next sealed events after a place, by whole batches: at least one, and no more once they are
 * `most`. Null at the end of the log. Of some ids the events can be gone, dropped by retention.
 */
export async function selectNextIds(db: Db, afterSeq: number, most: number): Promise<SealedIds | null> {
  const batches = await db.query<{ last_seq: number; ids: string; sealed_at: Date }>(
    `select last_seq, ids::text, sealed_at from ops_event_batches
     where last_seq > $1::bigint and last_seq <= coalesce(
       (select last_seq from ops_event_batches where last_seq >= $1 + $2::integer order by last_seq limit 1),
       $1 + $2::integer)
     order by last_seq limit $2::integer`,
    [afterSeq, most],
    'opsloop_next_ids',
  );
  const last = batches.at(-1);
  if (!last) return null;
  const ids = batches.flatMap((batch) =>
    (parseRanges(batch.ids) ?? []).flatMap(({ from, to }) =>
      Array.from({ length: to - from }, (_, offset) => from + offset),
    ),
  );
  return { ids, throughSeq: last.last_seq, sealedAt: last.sealed_at };
}

/**
 * Sealed events with `fromSeq <= seq <= throughSeq`. Each is looked up by its own id: of ranges the planner guesses
 * the sizes, and plans as for millions of rows.
 */
export async function selectSealed(
  db: Db,
  filter: EventFilter,
  range: { fromSeq: number; throughSeq: number },
): Promise<EventRow[]> {
  const places = await selectPlaces(db, range);
  const rows = await db.query<Omit<EventRow, 'seq'>>(
    `select ${COLUMNS} from ops_events e
     where e.id = any ($5::bigint[]) and ${FILTER} and ($6::uuid is null or e.proposal_id = $6)`,
    [...filterValues(filter), [...places.keys()], filter.proposalId ?? null],
    'opsloop_sealed',
  );
  return rows.map((row) => ({ seq: places.get(row.id) ?? 0, ...row })).sort((a, b) => a.seq - b.seq);
}

/** The batch of an event `e`, and its place there. */
const BATCH = `(select first_seq, ids from ops_event_batches
  where max_event_id >= e.id and ids @> e.id order by max_event_id, last_seq limit 1)`;
const PLACE = `(select batch.first_seq + coalesce(sum(upper(span) - lower(span)), 0)::bigint as seq
  from unnest(batch.ids * int8multirange(int8range(null, e.id))) as span)`;

/** Sealed events of one proposal's thread with `seq < beforeSeq`, the newest first: found by its own index. */
export function selectThread(
  db: Db,
  proposalId: string,
  filter: EventFilter,
  beforeSeq: number,
  limit: number,
): Promise<EventRow[]> {
  return db.query<EventRow>(
    `select seq, ${COLUMNS} from ops_events e, lateral ${BATCH} as batch, lateral ${PLACE} as place
     where e.proposal_id = $5 and seq < $6 and ${FILTER}
     order by seq desc limit $7`,
    [...filterValues(filter), proposalId, beforeSeq, limit],
  );
}

/** The changes of one key of the policy, the newest first, by an index of their own. */
export function selectPolicyChanges(
  db: Db,
  key: string,
  beforeId: number | null,
  limit: number,
): Promise<PolicyChange[]> {
  return db.query<PolicyChange>(
    `select e.id, place.seq, e.created_at as at, e.payload -> 'cause' ->> 'by' as by,
       e.payload -> 'from' as from, e.payload -> 'to' as to
     from (
       select id, created_at, payload from ops_events
       where entity = 'policy' and entity_id = $1 and ($2::bigint is null or id < $2)
       order by id desc limit $3) as e
     left join lateral ${BATCH} as batch on true left join lateral ${PLACE} as place on true
     order by e.id desc`,
    [key, beforeId, limit],
  );
}

export type LogHead = {
  seq: number;
  sealedAt: Date | null /** Of the chain up to there. */;
  hash: string | null;
};

/** The last place given, and when. */
export async function selectHead(db: Db): Promise<LogHead> {
  const [head] = await db.query<{ last_seq: number; sealed_at: Date; hash: Buffer }>(
    'select last_seq, sealed_at, hash from ops_event_batches order by last_seq desc limit 1',
    [],
    'opsloop_head',
  );
  return {
    seq: head?.last_seq ?? 0,
    sealedAt: head?.sealed_at ?? null,
    hash: head?.hash.toString('hex') ?? null,
  };
}

/** Milliseconds that the oldest event which waits for its seal has waited; 0 when none waits. */
export async function selectSealingLag(db: Db): Promise<number> {
  const [row] = await db.query<{ lag_ms: number }>(
    `with head as materialized (
       select max_event_id, gaps from ops_event_batches order by last_seq desc limit 1),
     waiting as (
       (select created_at from ops_events where id > coalesce((select max_event_id from head), 0)
        order by id limit 1)
       union all
       select late.created_at from head, unnest(gaps) as gap, lateral (
         select created_at from ops_events where id >= lower(gap) and id < upper(gap) order by id limit 1) as late)
     select coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as lag_ms from waiting`,
    [],
    'opsloop_sealing_lag',
  );
  return Math.max(0, Math.round(row?.lag_ms ?? 0));
}

/** Any number; whoever holds it in a transaction seals. */
const SEALER_LOCK = 7_073_002;

export async function tryLockSealer(tx: Db): Promise<boolean> {
  const [row] = await tx.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock($1) as locked',
    [SEALER_LOCK],
    'opsloop_seal_lock',
  );
  return row?.locked ?? false;
}

/**
 * What stands for an event in the chain: every column, in PostgreSQL's binary form, which is cheaper than text
 * and leaves no two events alike. The columns are named, so that a new one changes no digest; the functions by
 * their schema, so that none of the same name takes their place.
 */
export const DIGEST = `pg_catalog.sha256(pg_catalog.record_send(row(e.id, e.kind, e.source, e.payload, e.created_at,
  e.entity, e.entity_id, e.proposal_id)))`;

/** Of one gap at a time. PostgreSQL guesses a hundred gaps, and with more of each would plan as for a large statement. */
const MOST_LATE = 250;

/**
 * Seals what is visible and not sealed yet, in the order of ids: what appeared in the gaps below the highest
 * id seen so far, and what came after it. One statement, so one snapshot; one row, whatever it seals.
 *
 * When there is more than it takes at once, it seals the lowest ids and nothing above them. An event that follows from
 * another one has a higher id and is never visible without it, so it is never sealed before it.
 * @param deadBelow gaps up to this id are known to be rolled back and are forgotten
 */
export async function sealBatch(tx: Db, limit: number, deadBelow: number): Promise<number> {
  const [row] = await tx.query<{ sealed: number }>(
    `with head as materialized (
       select last_seq, max_event_id, gaps, hash from ops_event_batches order by last_seq desc limit 1),
     state as materialized (
       select * from head
       union all select 0, 0, '{}', ''::bytea where not exists (select from head)),
     late as materialized (
       select gap, late.event from state, unnest(state.gaps) gap, lateral (
         select e as event from ops_events e where id >= lower(gap) and id < upper(gap)
         order by id limit ${MOST_LATE}) as late),
     seen as materialized (
       select min(last) as through from (
         select max((event).id) as last from late group by gap having count(*) = ${MOST_LATE}) as cut_off),
     found as materialized (
       select e.id, ${DIGEST} as digest from (
         select (event).* from late
         union all
         (select * from ops_events where id > (select max_event_id from state) order by id limit $1)
         order by id limit $1) as e
       where e.id <= coalesce((select through from seen), e.id)),
     batch as (
       select count(*) as size, max(id) as max_id, range_agg(int8range(id, id + 1)) as ids,
              string_agg(digest, ''::bytea order by id) as digests
       from found)
     insert into ops_event_batches (first_seq, last_seq, ids, digests, hash, max_event_id, gaps)
     select last_seq + 1, last_seq + size, ids, digests, sha256(hash || digests), greatest(max_id, max_event_id),
       gaps + int8multirange(int8range(max_event_id + 1, greatest(max_id, max_event_id) + 1)) - ids
         - int8multirange(int8range(0, $2::bigint + 1))
     from batch, state where size > 0
     returning (last_seq - first_seq + 1)::integer as sealed`,
    [limit, deadBelow],
    'opsloop_seal',
  );
  return row?.sealed ?? 0;
}

/** Whether some visible event waits for its seal: cheaper than the transaction that would seal it. */
export async function anyUnsealed(db: Db): Promise<boolean> {
  const [row] = await db.query<{ any: boolean }>(
    `with head as materialized (
       select max_event_id, gaps from ops_event_batches order by last_seq desc limit 1)
     select coalesce((select max(id) from ops_events) > coalesce((select max_event_id from head), 0), false)
         or exists (select from head, unnest(gaps) as gap, lateral (
              select from ops_events where id >= lower(gap) and id < upper(gap) limit 1) as late) as any`,
    [],
    'opsloop_unsealed',
  );
  return row?.any ?? false;
}

export type Horizon = { maxEventId: number; xmax: string };

/** The highest sealed id, and the transaction id before which everything that runs now began. */
export async function selectHorizon(db: Db): Promise<Horizon> {
  const [row] = await db.query<Horizon>(
    `select coalesce((select max_event_id from ops_event_batches order by last_seq desc limit 1), 0) as "maxEventId",
            pg_snapshot_xmax(pg_current_snapshot())::text as xmax`,
  );
  return row ?? { maxEventId: 0, xmax: '0' };
}

/** Whether every transaction that ran at the horizon has ended. */
export async function selectHorizonPassed(db: Db, horizon: Horizon): Promise<boolean> {
  const [row] = await db.query<{ passed: boolean }>(
    'select pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 as passed',
    [horizon.xmax],
  );
  return row?.passed ?? false;
}
