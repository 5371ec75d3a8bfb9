import type { Db } from '../db/database.ts';
import type { EventFilter, EventRow, NewEvent } from './schema.ts';

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

const COLUMNS =
  's.seq, e.id, e.kind, e.source, e.payload, e.created_at, e.entity, e.entity_id, e.proposal_id';

const FILTER = `
  ($1::text is null or case when right($1, 1) = '.' then starts_with(e.kind, $1) else e.kind = $1 end)
  and ($2::text is null or e.entity = $2)
  and ($3::text is null or e.entity_id = $3)
  and ($4::uuid is null or e.proposal_id = $4)
  and ($5::text is null or case when e.entity = 'report' then e.source = 'agent:' || $5 else exists (
    select from ops_proposals p where p.id = e.proposal_id and p.agent_id = $5) end)`;

const filterValues = (filter: EventFilter) => [
  filter.kind ?? null,
  filter.entity ?? null,
  filter.entityId ?? null,
  filter.proposalId ?? null,
  filter.agentId ?? null,
];

/** Sealed events with `fromSeq <= seq < beforeSeq`, the newest first. */
export function selectEventsBefore(
  db: Db,
  filter: EventFilter,
  range: { fromSeq: number; beforeSeq: number },
  limit: number,
): Promise<EventRow[]> {
  return db.query<EventRow>(
    `select ${COLUMNS} from ops_event_seals s join ops_events e on e.id = s.event_id
     where s.seq >= $6 and s.seq < $7 and ${FILTER}
     order by s.seq desc limit $8`,
    [...filterValues(filter), range.fromSeq, range.beforeSeq, limit],
  );
}

/** Sealed events with `afterSeq < seq <= throughSeq`, the oldest first. */
export function selectEventsAfter(
  db: Db,
  filter: EventFilter,
  range: { afterSeq: number; throughSeq: number },
): Promise<EventRow[]> {
  return db.query<EventRow>(
    `select ${COLUMNS} from ops_event_seals s join ops_events e on e.id = s.event_id
     where s.seq > $6 and s.seq <= $7 and ${FILTER}
     order by s.seq`,
    [...filterValues(filter), range.afterSeq, range.throughSeq],
  );
}

/** The last number given, and how long ago. */
export async function selectHead(db: Db): Promise<{ seq: number; sealedAt: Date | null }> {
  const [head] = await db.query<{ last_seq: number; sealed_at: Date }>(
    'select last_seq, sealed_at from ops_event_batches order by last_seq desc limit 1',
  );
  return { seq: head?.last_seq ?? 0, sealedAt: head?.sealed_at ?? null };
}

/** Milliseconds that the oldest event which waits for its seal has waited; 0 when none waits. */
export async function selectSealingLag(db: Db): Promise<number> {
  const [row] = await db.query<{ lag_ms: number }>(
    `select coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as lag_ms
     from ops_events
     where id > coalesce((select max_event_id from ops_event_batches order by last_seq desc limit 1), 0)`,
  );
  return Math.max(0, Math.round(row?.lag_ms ?? 0));
}

/** Any number; whoever holds it in a transaction seals. */
const SEALER_LOCK = 7_073_002;

export async function tryLockSealer(tx: Db): Promise<boolean> {
  const [row] = await tx.query<{ locked: boolean }>('select pg_try_advisory_xact_lock($1) as locked', [
    SEALER_LOCK,
  ]);
  return row?.locked ?? false;
}

/**
 * Seals what is visible and not sealed yet, in the order of ids: what appeared in the gaps below the highest
 * id seen so far, and what came after it. One statement, so one snapshot.
 * @param deadBelow gaps up to this id are known to be rolled back and are forgotten
 */
export async function sealBatch(tx: Db, limit: number, deadBelow: number): Promise<number> {
  const [row] = await tx.query<{ sealed: number }>(
    `with head as materialized (
       select last_seq, max_event_id, gaps, hash from ops_event_batches order by last_seq desc limit 1),
     state as materialized (
       select * from head
       union all select 0, 0, '{}', ''::bytea where not exists (select from head)),
     found as materialized (
       select e.id, ops_event_digest(e) as digest
       from state, unnest(state.gaps) gap join ops_events e on e.id >= lower(gap) and e.id < upper(gap)
       union all
       (select e.id, ops_event_digest(e) from ops_events e
        where e.id > (select max_event_id from state) order by e.id limit $1)),
     numbered as materialized (
       select id, digest, (select last_seq from state) + row_number() over (order by id) as seq from found),
     sealed as (
       insert into ops_event_seals (seq, event_id, digest) select seq, id, digest from numbered order by seq),
     batch as (
       select min(seq) as first_seq, max(seq) as last_seq, max(id) as max_id,
              range_agg(int8range(id, id + 1)) as ids, string_agg(digest, ''::bytea order by seq) as digests
       from numbered),
     chained as (
       insert into ops_event_batches (first_seq, last_seq, max_event_id, gaps, hash)
       select batch.first_seq, batch.last_seq, greatest(max_id, max_event_id),
              gaps + int8multirange(int8range(max_event_id + 1, greatest(max_id, max_event_id) + 1)) - ids
                - int8multirange(int8range(0, $2::bigint + 1)),
              sha256(hash || digests)
       from batch, state where batch.first_seq is not null)
     select count(*)::integer as sealed from numbered`,
    [limit, deadBelow],
    'opsloop_seal',
  );
  return row?.sealed ?? 0;
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
