import { withPool } from '../lib/postgres.mjs';
import { opsloop } from './opsloop.mjs';

const BATCH = 500;

/** The rows that opsloop writes for a claim and a completion, by bare SQL: nothing is searched, nothing is skipped. */
const CLAIM = `
  with c as (
    update ops_steps set status = 'running', ready = false, worker_id = 'w', claimed_at = now(), attempt = attempt + 1,
      claim_id = gen_random_uuid()
    where id = any ($1::uuid[]) returning *)
  insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
  select 'step.started', 'worker', 'step', id::text, proposal_id, jsonb_build_object('from', 'queued', 'to', 'running',
    'cause', jsonb_build_object('by', worker_id),
    'set', jsonb_build_object('worker_id', worker_id, 'claim_id', claim_id, 'attempt', attempt)) from c`;
const COMPLETE = `
  with s as (
    update ops_steps set status = 'completed', output = 'null', completed_at = now() where id = any ($1::uuid[]) returning *),
  m as (
    update ops_missions set status = 'completed', completed_at = now() where id = any ($2::uuid[]) returning *),
  p as (
    update ops_proposals set status = 'completed', outcome = 'succeeded', completed_at = now()
    where id = any ($3::uuid[]) returning *)
  insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
  select 'step.completed', 'worker', 'step', id::text, proposal_id, jsonb_build_object('from', 'running', 'to', 'completed',
    'cause', jsonb_build_object('by', worker_id),
    'set', jsonb_build_object('claim_id', claim_id, 'attempt', attempt, 'output', ops_digest(output::text))) from s
  union all
  select 'mission.completed', 'missions', 'mission', id::text, proposal_id, jsonb_build_object('from', 'active',
    'to', 'completed', 'cause', jsonb_build_object('by', 'step')) from m
  union all
  select 'proposal.completed', 'proposals', 'proposal', id::text, id, jsonb_build_object('from', 'approved',
    'to', 'completed', 'cause', jsonb_build_object('by', 'mission'), 'set', jsonb_build_object('outcome', 'succeeded')) from p`;

export function floor() {
  const { prepare, fill } = opsloop();
  return {
    name: 'floor (the same rows by bare SQL)',
    keeps: 'what opsloop keeps, unsealed',
    prepare,
    fill,
    drain: (url) =>
      withPool(url, async (pool) => {
        const all = 'select id, mission_id, proposal_id from ops_steps order by queue_no';
        const { rows } = await pool.query(all);
        const began = performance.now();
        for (let at = 0; at < rows.length; at += BATCH) {
          const some = rows.slice(at, at + BATCH);
          const ids = some.map((row) => row.id);
          await pool.query({ name: 'claim', text: CLAIM, values: [ids] });
          await pool.query({
            name: 'complete',
            text: COMPLETE,
            values: [ids, some.map((row) => row.mission_id), some.map((row) => row.proposal_id)],
          });
        }
        return (performance.now() - began) / 1000;
      }),
  };
}
