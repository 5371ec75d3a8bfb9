import type { Db } from '../db/database.ts';
import type { MissionFailure } from '../missions/schema.ts';
import type { Outcome } from '../proposals/schema.ts';

export type MissionEnd = {
  missionId: string;
  outcome: Extract<Outcome, 'failed' | 'cancelled'>;
  failure: MissionFailure;
};

/**
 * Ends active missions as failed: what of their steps is queued or running fails with them, and their
 * proposals are settled. Locks steps before missions before proposals, as completing does.
 * @returns the missions that this call ended; one that was settled already is left alone
 */
export async function failMissions(tx: Db, ends: MissionEnd[]): Promise<Set<string>> {
  const ids = ends.map((end) => end.missionId);
  await tx.query(
    `select from ops_steps where mission_id = any($1::uuid[]) and status in ('queued', 'running')
     order by mission_id, position for update`,
    [ids],
  );
  const rows = await tx.query<{ id: string }>(
    `with given as materialized (
       select * from jsonb_to_recordset($1::jsonb) as given("missionId" uuid, outcome text, failure jsonb)),
     ended as (
       update ops_missions m set status = 'failed', completed_at = now(), failure = given.failure
       from given where m.id = given."missionId" and m.status = 'active'
       returning m.id, m.proposal_id, m.retry_of, m.failure, given.outcome),
     open as materialized (
       select s.id, s.status as was, ended.outcome, ended.failure as why
       from ended join ops_steps s on s.mission_id = ended.id
       where s.status in ('queued', 'running')),
     skipped as (
       update ops_steps s
       set status = 'failed', completed_at = now(), ready = false, available_at = null,
           failure = jsonb_build_object('class', case open.outcome when 'cancelled' then 'cancelled' else 'skipped' end,
             'message', open.why ->> 'message', 'attempt', s.attempt)
       from open where s.id = open.id
       returning s.id, s.proposal_id, s.mission_id, s.position, s.failure, open.was),
     closed as (
       update ops_proposals p set status = 'completed', outcome = ended.outcome, completed_at = now()
       from ended where p.id = ended.proposal_id and p.status in ('approved', 'completed')
       returning p.id, p.outcome, ended.id as mission_id, ended.retry_of),
     events as (
       insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select kind, source, entity, entity_id, proposal_id, payload from (
         select 1 as n, position, 'step.failed' as kind, 'missions' as source, 'step' as entity,
           id::text as entity_id, proposal_id, jsonb_build_object('from', was, 'to', 'failed', 'final', true,
             'cause', jsonb_build_object('by', 'mission:' || mission_id, 'reason', failure ->> 'class'),
             'set', jsonb_build_object('failure', failure)) as payload
         from skipped
         union all
         select 2, 0, 'mission.failed', 'missions', 'mission', id::text, proposal_id,
           jsonb_build_object('from', 'active', 'to', 'failed', 'cause', failure -> 'cause',
             'set', jsonb_build_object('failure', failure))
         from ended
         union all
         select 3, 0, case when retry_of is null then 'proposal.completed' else 'proposal.outcome_changed' end,
           'proposals', 'proposal', id::text, id,
           jsonb_build_object('from', case when retry_of is null then 'approved' else 'completed' end,
             'to', 'completed', 'cause', jsonb_build_object('by', 'mission:' || mission_id),
             'set', jsonb_build_object('outcome', outcome))
         from closed) as e
       order by n, position)
     select id from ended`,
    [JSON.stringify(ends)],
  );
  return new Set(rows.map((row) => row.id));
}
