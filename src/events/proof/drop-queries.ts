import type { Db } from '../../db/database.ts';
import { DIGEST } from '../queries.ts';

/** An event that could be dropped, and what speaks against it. */
export type Candidate = {
  id: number;
  /** Its proposal, else the thing that it is about. */
  thing: string;
  /** It tells that the proposal ended. */
  ends: boolean;
  /** It is younger than what may be dropped. */
  recent: boolean;
  /** It is still what was sealed; null when it has no seal. */
  intact: boolean | null;
};

/** Which events to look at: whole threads, ids, or what is about some things and belongs to no thread. */
export type Wanted =
  | { proposals: readonly string[] }
  | { ids: readonly number[] }
  | { entity: string; entityIds: readonly string[]; throughId: number };

/** Events with the check against their seal: what was altered must not go unseen by being dropped. */
export function selectCandidates(db: Db, wanted: Wanted, before: Date): Promise<Candidate[]> {
  const [which, values] = conditionOf(wanted);
  return db.query<Candidate>(
    `select e.id, coalesce(e.proposal_id::text, e.entity_id, '') as thing,
       e.kind in ('proposal.rejected', 'proposal.completed') as ends, coalesce(e.created_at >= $1, true) as recent,
       seal.intact
     from ops_events e left join lateral (
       select substring(digests from 32 * place::integer + 1 for 32) = ${DIGEST} as intact
       from (select ids, digests from ops_event_batches
             where max_event_id >= e.id and ids @> e.id order by max_event_id, last_seq limit 1) as batch,
         lateral (select coalesce(sum(upper(span) - lower(span)), 0) as place
                  from unnest(ids * int8multirange(int8range(null, e.id))) as span) as places) as seal on true
     where ${which}`,
    [before, ...values],
  );
}

function conditionOf(wanted: Wanted): [string, unknown[]] {
  if ('proposals' in wanted) return ['e.proposal_id = any($2::uuid[])', [wanted.proposals]];
  if ('ids' in wanted) return ['e.id = any($2::bigint[])', [wanted.ids]];
  return [
    'e.id <= $4 and e.proposal_id is null and e.entity = $2 and e.entity_id = any($3::text[])',
    [wanted.entity, wanted.entityIds, wanted.throughId],
  ];
}

/** How many events each of these threads has. */
export async function countThreads(db: Db, proposals: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.query<{ proposal_id: string; count: number }>(
    `select proposal_id, count(*) from ops_events where proposal_id = any($1::uuid[]) group by proposal_id`,
    [proposals],
  );
  return new Map(rows.map((row) => [row.proposal_id, row.count]));
}

export type LooseEvents = {
  /** Those of no thread that tell of what is over: beats, reports, what was seen of a workspace, due times of schedules. */
  ids: number[];
  last: number | null;
  /** All of them were old enough: older ones can follow. */
  goOn: boolean;
};

/** The next rows after an id, and which of them can be dropped by themselves. */
export async function selectLoose(
  db: Db,
  afterId: number,
  before: Date,
  limit: number,
): Promise<LooseEvents> {
  const [row] = await db.query<LooseEvents>(
    `select coalesce(array_agg(id) filter (where created_at < $2 and proposal_id is null
         and (entity in ('beat', 'report', 'backup') or (entity = 'workspace' and not payload ? 'set')
           -- The newest event of a schedule tells all that it is; of those before, due times alone are many.
           or (kind in ('schedule.proposed', 'schedule.passed_over') and not exists (
             select from ops_schedules s
             where s.name = entity_id and to_jsonb(s.version) = payload -> 'set' -> 'version')))), '{}') as ids,
       max(id) as last, coalesce(bool_and(created_at < $2), false) as "goOn"
     from (select id, created_at, kind, entity, entity_id, proposal_id, payload from ops_events
           where id > $1 order by id limit $3) as next`,
    [afterId, before, limit],
  );
  return row ?? { ids: [], last: null, goOn: false };
}

/** Any number; whoever holds it in a transaction drops events. */
const PRUNER_LOCK = 7_073_005;

/** One process at a time drops events, and only it gets past the trigger that refuses. */
export async function tryLockPruner(tx: Db): Promise<boolean> {
  const [row] = await tx.query<{ locked: boolean }>('select pg_try_advisory_xact_lock($1) as locked', [
    PRUNER_LOCK,
  ]);
  return row?.locked ?? false;
}

/** Deletes the rows; their ids and digests stay in the batches. Returns how many there were. */
export async function deleteEvents(tx: Db, ids: readonly number[]): Promise<number> {
  await tx.query(`select set_config('opsloop.pruning', 'on', true)`);
  const [row] = await tx.query<{ count: number }>(
    `with deleted as (delete from ops_events where id = any($1::bigint[]) returning 1)
     select count(*) from deleted`,
    [ids],
  );
  await tx.query(`select set_config('opsloop.pruning', 'off', true)`);
  return row?.count ?? 0;
}
