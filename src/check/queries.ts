import type { Db } from '../db/database.ts';
import type { LoggedEvent } from './schema.ts';

/** The next threads by id: proposals that are there, and those that only events tell of. */
export async function selectThreadIds(
  db: Db,
  { after, through }: { after: string; through: string },
  limit: number,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from (
       (select id from ops_proposals where id > $1 and id <= $2 order by id limit $3)
       union
       (select distinct proposal_id from ops_events where proposal_id > $1 and proposal_id <= $2
        order by proposal_id limit $3)) as threads
     order by id limit $3`,
    [after, through, limit],
  );
  return rows.map((row) => row.id);
}

/** The highest id of a thread; null when there is none. */
export async function selectNewestThread(db: Db): Promise<string | null> {
  const [row] = await db.query<{ id: string }>(
    `select id from (
       (select id from ops_proposals order by id desc limit 1)
       union
       (select proposal_id from ops_events where proposal_id is not null order by proposal_id desc limit 1)) as newest
     order by id desc limit 1`,
  );
  return row?.id ?? null;
}

/** The threads of some events. */
export async function selectThreadsOf(db: Db, eventIds: number[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select distinct proposal_id as id from ops_events where id = any($1::bigint[]) and proposal_id is not null`,
    [eventIds],
  );
  return rows.map((row) => row.id);
}

/** The threads of events that wait for their seal. */
export async function selectUnsealedThreads(db: Db): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `with head as materialized (
       select max_event_id, gaps from ops_event_batches order by last_seq desc limit 1),
     waiting as (
       select proposal_id from ops_events where id > coalesce((select max_event_id from head), 0)
       union
       select late.proposal_id from head, unnest(gaps) as gap, lateral (
         select proposal_id from ops_events where id >= lower(gap) and id < upper(gap)) as late)
     select proposal_id as id from waiting where proposal_id is not null`,
  );
  return rows.map((row) => row.id);
}

/** Places are looked up by each event's own id, as the order of ids is not the order of events. */
const EVENT = `e.id, e.kind, e.entity, e.entity_id, e.proposal_id, to_jsonb(e.created_at) as at, e.payload, place.seq`;
const PLACE = `left join lateral (
    select first_seq, ids from ops_event_batches
    where max_event_id >= e.id and ids @> e.id order by max_event_id, last_seq limit 1) as batch on true
  left join lateral (
    select batch.first_seq + coalesce(sum(upper(span) - lower(span)), 0)::bigint as seq
    from unnest(batch.ids * int8multirange(int8range(null, e.id))) as span) as place on true`;

/** All events of some threads in their order; what waits for its seal comes last. */
export function selectThreadEvents(db: Db, threads: string[]): Promise<LoggedEvent[]> {
  return db.query<LoggedEvent>(
    `select ${EVENT} from ops_events e ${PLACE}
     where e.proposal_id = any($1::uuid[]) order by place.seq nulls last, e.id`,
    [threads],
  );
}

/** The entities whose histories are read thread by thread. */
const IN_THREADS = ['proposal', 'mission', 'step'];
/** These change no table that is replayed. */
const NO_TABLE = ['beat', 'report', 'log'];

/** The other events of a range of ids, and those that should belong to a thread and do not. */
export function selectOtherEvents(db: Db, after: number, through: number): Promise<LoggedEvent[]> {
  return db.query<LoggedEvent>(
    `select ${EVENT} from ops_events e ${PLACE}
     where e.id > $1 and e.id <= $2 and e.entity <> all ($3::text[])
       and (e.entity <> all ($4::text[]) or e.proposal_id is null) order by e.id`,
    [after, through, NO_TABLE, IN_THREADS],
  );
}

export async function selectLastEventId(db: Db): Promise<number> {
  const [row] = await db.query<{ last: number }>('select coalesce(max(id), 0) as last from ops_events');
  return row?.last ?? 0;
}

/** The values that the policy had, in the order of their setting. */
export type PolicySet = { seq: number | null; id: number; key: string; value: unknown };

export function selectPolicyHistory(db: Db): Promise<PolicySet[]> {
  return db.query<PolicySet>(
    `select e.id, place.seq, e.entity_id as key, e.payload -> 'to' as value from ops_events e ${PLACE}
     where e.entity = 'policy' order by place.seq nulls last, e.id`,
  );
}

/** The policy that these proposals were decided by. */
export async function selectSnapshots(db: Db, proposals: string[]): Promise<Map<string, unknown>> {
  const found = await db.query<{ digest: string; policy: unknown }>(
    `select distinct on (digest) ops_digest(policy_snapshot::text) as digest, policy_snapshot as policy
     from ops_proposals where id = any($1::uuid[]) order by digest`,
    [proposals],
  );
  return new Map(found.map(({ digest, policy }) => [digest, policy]));
}

export type SameCount = { day: string; scope: string; used: number; proposals: string[]; count: number };

/** Admitted proposals of one day that saw the same count of one counter; a day of another time zone is another one. */
export function selectSameCounts(db: Db): Promise<SameCount[]> {
  return db.query<SameCount>(
    `select cap_day as day, verdict ->> 'scope' as scope, (verdict ->> 'used')::bigint as used, count(*) as count,
       (array_agg(id order by id))[1:3] as proposals
     from ops_proposals, jsonb_array_elements(decision -> 'verdicts') as verdict
     where cap_day is not null and verdict ->> 'gate' <> 'exec_policy'
     group by cap_day, decision ->> 'resets_at', verdict ->> 'gate', scope, used having count(*) > 1
     order by 1, 2, 3 limit 100`,
    undefined,
    { limitMs: 600_000 },
  );
}

export type Answer = { owner: string; idempotency_key: string; proposal_id: string; known: boolean };

/**
 * The next answers that were given for an Idempotency-Key and name a proposal, and whether it is there.
 * @param since what was answered before that can have been dropped by retention meanwhile
 */
export function selectAnswers(
  db: Db,
  after: { owner: string; key: string } | null,
  since: Date | null,
  limit: number,
): Promise<Answer[]> {
  return db.query<Answer>(
    `select owner, idempotency_key, proposal_id,
       exists (select from ops_proposals p where p.id = proposal_id::uuid) as known
     from (
       select owner, idempotency_key, answer -> 'proposal' ->> 'id' as proposal_id from ops_idempotency
       where ($1::text is null or (owner, idempotency_key) > ($1, $2)) and answer -> 'proposal' ->> 'id' is not null
         and ($3::timestamptz is null or created_at > $3)
       order by owner, idempotency_key limit $4) as given`,
    [after?.owner ?? null, after?.key ?? null, since, limit],
  );
}

/** Rows that hang on nothing, so that no thread has them. */
export async function selectStrays(db: Db): Promise<{ entity: string; id: string }[]> {
  return db.query(
    `(select 'mission' as entity, id::text from ops_missions where proposal_id is null limit 100)
     union all (select 'step', id::text from ops_steps where mission_id is null limit 100)
     union all (select 'model call', id::text from ops_llm_calls c
       where not exists (select from ops_steps s where s.id = c.step_id) limit 100)`,
    undefined,
    { limitMs: 600_000 },
  );
}

/** Running steps of workers that have ended, or whose lease is long over: a running server takes them back. */
export async function countAbandoned(db: Db): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*) from ops_steps s where s.status = 'running' and not exists (
       select from ops_workers w where w.worker_id = s.worker_id and w.ended_at is null
         and w.lease_expires_at > clock_timestamp() - interval '1 minute')`,
  );
  return row?.count ?? 0;
}

/** A day before something was last dropped for its age: what was made later than that has dropped nothing. */
export async function selectLastPruned(db: Db): Promise<Date | null> {
  const [row] = await db.query<{ at: Date | null }>(
    `select max(created_at) - interval '1 day' as at from ops_events where kind = 'log.pruned'`,
  );
  return row?.at ?? null;
}
