import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../../src/db/database.ts';
import { headsFile } from '../../../src/events/proof/heads.ts';
import { signingSecretOf } from '../../../src/webhooks/secrets.ts';
import { MOVED } from './prepare.ts';

export type State = Record<string, unknown>;
type Effect = {
  /** How often it is there. */
  count(database: Database, state: State): Promise<number>;
  /** How the operation refuses to be done again once it was done; without it, it is done again and changes nothing. */
  refused?: string;
  /** Each time is a new one: done again, it is there once more. */
  anew?: true;
};

/** Rows in which $1 is the member of the state that `of` names. */
const rows = (from: string, of: string): Effect => ({
  async count(database, state) {
    const value = of.split('.').reduce<unknown>((whole, member) => (whole as State)[member], state);
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new Error(`what was prepared has no ${of}`);
    const sql = `select count(*)::integer as n from ${from}`;
    const [row] = await database.query<{ n: number }>(sql, [String(value)]);
    return row?.n ?? 0;
  },
});
/** What is to be there together, as queries of the member: a part of it is neither nothing nor the whole. */
const together = (of: string, ...parts: string[]): Effect =>
  rows(`(${parts.join(' union all ')}) as parts (member) where member = $1`, of);
const dropped = (from: string, of: string): Effect => ({
  count: async (database, state) => 1 - (await rows(from, of).count(database, state)),
});
const event = (kind: string, of: string): Effect =>
  rows(`ops_events where kind = '${kind}' and entity_id = $1`, of);
const proposed = rows('ops_proposals where title = $1', 'key');
const claimed = (of: string) =>
  rows(`ops_events where kind = 'step.started' and payload #>> '{set,worker_id}' = $1`, of);

const webhookRemoved: Effect = {
  async count(database, state) {
    const gone = await dropped('ops_webhooks where name = $1', 'name').count(database, state);
    // A secret that is left behind is one too many: nobody removes it any more.
    const secret = join(String(state.home), 'secrets', signingSecretOf(String(state.name)));
    return gone > 0 && existsSync(secret) ? -1 : gone;
  },
};

/** What each operation leaves in the database, once. */
const EFFECTS: Record<string, Effect> = {
  'propose, approved by policy': proposed,
  'propose, left to an operator': proposed,
  'propose, refused by a cap': proposed,
  approve: { ...event('proposal.approved', 'id'), refused: 'conflict' },
  'approve edited': { ...event('proposal.approved', 'id'), refused: 'conflict' },
  reject: { ...event('proposal.rejected', 'id'), refused: 'conflict' },
  // Its id is drawn anew by every process.
  'register a worker': { ...event('worker.started', 'workerId'), refused: '23505' },
  claim: { ...claimed('workerId'), anew: true },
  // The first lease begins in the same statement as the worker, the next one after a claim.
  renew: rows(`ops_workers where worker_id = $1 and renewed_at > started_at + interval '1 ms'`, 'workerId'),
  'complete a step': event('step.completed', 'claim.id'),
  'complete the last step, with an artefact': rows(
    `ops_artefacts where name = $1 and exists (
       select from ops_events where kind = 'step.completed' and entity_id = ops_artefacts.step_id::text)`,
    'name',
  ),
  'fail below the limit': event('step.requeued', 'claim.id'),
  'fail for good': event('step.failed', 'claim.id'),
  release: event('step.released', 'claim.id'),
  'keep a late result': { ...event('step.late_result', 'claim.id'), anew: true },
  'recover what is stale': event('step.requeued', 'claim.id'),
  'recover from a dead worker': event('step.requeued', 'claim.id'),
  'retire a worker': event('worker.stopped', 'workerId'),
  promote: rows('ops_steps where ready and id::text = $1', 'claim.id'),
  cancel: { ...event('mission.failed', 'mission'), refused: 'conflict' },
  retry: { ...rows('ops_missions where retry_of::text = $1', 'mission'), refused: 'conflict' },
  'set the policy': rows(
    `ops_events where kind = 'policy.changed' and payload #>> '{to,max_per_day}' = $1::text`,
    'n',
  ),
  'pause an agent': rows(`ops_policy where key = 'paused' and value -> 'agents' ? $1`, 'name'),
  'resume a restored copy': rows(
    `ops_events where kind = 'policy.changed' and payload #>> '{to,enabled}' = 'false' and entity_id = $1`,
    'policy',
  ),
  'note a fact': event('installation.noted', 'key'),
  'make a key': { ...rows('ops_api_keys where name = $1', 'name'), anew: true },
  'revoke a key': { ...event('key.revoked', 'keyId'), refused: 'not_found' },
  'make a code to sign in': { ...rows('ops_sessions where key_id = $1', 'caller.keyId'), anew: true },
  'add a schedule': { ...rows('ops_schedules where name = $1', 'name'), refused: 'conflict' },
  'a schedule proposes': rows('ops_proposals where created_by = $1', 'proposer'),
  'pause a schedule': rows('ops_schedules where paused and name = $1', 'name'),
  'resume a schedule': rows('ops_schedules where not paused and name = $1', 'name'),
  'change a schedule': rows(`ops_schedules where title = 'Other' and name = $1`, 'name'),
  'remove a schedule': { ...dropped('ops_schedules where name = $1', 'name'), refused: 'not_found' },
  seal: rows('ops_events e join ops_event_batches b on e.id <@ b.ids where e.entity_id = $1', 'mission'),
  'a beat': {
    ...rows('ops_beats where finished_at is not null and $1::text is not null', 'key'),
    anew: true,
  },
  'a beat signs where the log ends': {
    count: (_, { home }) => Promise.resolve(linesOf(headsFile(String(home)))),
  },
  'what is old is dropped': dropped('ops_proposals where id::text = $1', 'claim.proposal_id'),
  'calls are collected': rows(`ops_deliveries where about ->> 'proposal_id' = $1`, 'id'),
  'alerts are raised': rows(
    `ops_events where kind = 'alert.raised' and payload #>> '{set,topic}' = 'problem.' || $1`,
    'code',
  ),
  'claim over HTTP': { ...claimed('worker'), anew: true },
  'complete over HTTP': event('step.completed', 'held.step_id'),
  'fail over HTTP': event('step.requeued', 'held.step_id'),
  'renew over HTTP': rows(
    `ops_work_claims where claim_id::text = $1 and renewed_at > claimed_at + interval '1 ms'`,
    'held.claim_id',
  ),
  'renew all over HTTP': together(
    'other',
    `select claim_id::text from ops_work_claims where ended ->> 'as' = 'released'`,
    `select c.claim_id::text from ops_work_claims c
       join ops_events e on e.kind = 'step.released' and e.entity_id = c.step_id::text`,
  ),
  'release over HTTP': event('step.released', 'held.step_id'),
  'leave over HTTP': event('step.released', 'held.step_id'),
  report: rows(`ops_events where kind = 'test.reported' and payload ->> 'key' = $1`, 'key'),
  'sign in by a code': { ...event('key.signed_in', 'keyId'), refused: 'unauthorized' },
  'sign out': event('key.signed_out', 'signedIn.keyId'),
  'make an agent': event('agent.created', 'name'),
  'store a webhook': rows('ops_webhooks where name = $1', 'name'),
  'change a webhook': together(
    'webhookId',
    `select webhook_id::text from ops_webhooks where url = '${MOVED}'`,
    `select webhook_id::text from ops_webhooks w
       where not exists (select from ops_decision_links l where l.webhook_id = w.webhook_id)`,
  ),
  'remove a webhook': { ...webhookRemoved, refused: 'not_found' },
  'send a test call': { ...rows('ops_deliveries where webhook_id::text = $1', 'id'), anew: true },
  'call a webhook': rows(`ops_deliveries where status = 'delivered' and delivery_id::text = $1`, 'delivery'),
  'call a webhook that fails': together(
    'delivery',
    `select delivery_id::text from ops_deliveries where status = 'waiting' and last_status = 500`,
    `select delivery_id::text from ops_deliveries join ops_webhooks using (webhook_id) where failing_since is not null`,
  ),
  'call a webhook that is gone': together(
    'delivery',
    `select delivery_id::text from ops_deliveries where status = 'dead'`,
    `select delivery_id::text from ops_deliveries join ops_webhooks using (webhook_id) where paused`,
    `select payload ->> 'delivery_id' from ops_events where kind = 'webhook.gave_up'`,
  ),
  'try a call anew': {
    ...rows(`ops_deliveries where status = 'waiting' and delivery_id::text = $1`, 'delivery'),
    refused: 'conflict',
  },
  'decide by a link': { ...event('proposal.approved', 'id'), refused: 'unauthorized' },
  'apply a fleet file': together(
    'name',
    'select agent_id from ops_agent_config',
    'select name from ops_schedules',
    'select name from ops_webhooks',
    'select name from ops_api_keys',
  ),
  'prune a webhook by a fleet file': webhookRemoved,
};

export function effectOf(name: string): Effect {
  const effect = EFFECTS[name];
  if (!effect) throw new Error(`say in effects.ts what "${name}" leaves in the database`);
  return effect;
}

function linesOf(file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').length : 0;
}
