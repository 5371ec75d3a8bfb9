import { beforeAll, expect, test } from 'vitest';
import { checkHistory } from '../../src/check/check.ts';
import type { Rule } from '../../src/check/schema.ts';
import { joinTransaction } from '../../src/db/joined.ts';
import { insertArtefact } from '../../src/engine/artefacts.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { createKey } from '../../src/keys/keys.ts';
import { recordCalls } from '../../src/engine/tokens.ts';
import { approve } from '../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import { useDatabase } from '../support/database.ts';
import { sentences } from '../support/history.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { add, partsOf, takeAll } from '../support/schedules.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();
const home = emptyHome();
const CALL = {
  engine: 'ollama',
  provider: 'ollama',
  model: 'tiny',
  inputTokens: 10,
  outputTokens: 20,
  costUsd: 0.25,
  firstTokenMs: 5,
  loadMs: null,
  durationMs: 50,
  outcome: 'ok',
};

/** A published mission, one that was cancelled and retried, a step that is being worked, and a schedule that proposed. */
beforeAll(async () => {
  const { database } = db;
  await openPolicy(database, ['publication', 'analysis']);
  const worker = await testWorker(database);
  const propose = proposer(database);
  const { proposal } = await propose({
    kind: 'deploy',
    idempotency: { owner: 'key:op', key: 'one', digest: 'd' },
  });
  await approve(database, proposal.id, { by: 'key:op' });
  for (const kind of ['analyze', 'review']) {
    const claim = await worker.claimOne(kind);
    await database.transaction(async (tx) => {
      await recordCalls(tx, claim, [CALL]);
      await completeSteps(tx, [{ ...claim, output: { text: kind } }]);
    });
  }
  const publishing = await worker.claimOne('publish');
  await database.transaction(async (tx) => {
    await completeSteps(tx, [{ ...publishing, output: { artefact: 'a.md' } }]);
    await insertArtefact(tx, publishing, { name: 'a.md', content: 'text' });
  });
  const doomed = await propose();
  const id = doomed.mission?.mission.id ?? '';
  await cancelMission(database, id, { by: 'key:op' });
  await retryMission(database, id, { by: 'key:op' });
  await add(database, { name: 'hourly', every_seconds: 3_600 });
  await takeAll([partsOf(database)], new Date(Date.now() + 7_200_000));
  await createKey(database, { name: 'k', scopes: ['read'] }, 'key:op');
  await worker.claimOne();
  await propose();
  await propose({ kind: 'deploy' });
  await sealAll(database);
});

class Undone extends Error {}

/** What the checker finds after statements that no trigger or constraint refuses, which are undone again. */
async function foundAfter(...statements: string[]): Promise<string[]> {
  let found: string[] = [];
  const work = db.database.transaction(async (tx) => {
    for (const table of ['ops_proposals', 'ops_missions', 'ops_steps', 'ops_events', 'ops_artefacts'])
      await tx.query(`alter table ${table} disable trigger all`);
    await tx.query(`alter table ops_missions drop constraint ops_missions_completed, drop constraint ops_missions_failure;
      alter table ops_steps drop constraint ops_steps_running, drop constraint ops_steps_queued,
        drop constraint ops_steps_completed, drop constraint ops_steps_ready;
      alter table ops_proposals drop constraint ops_proposals_completed, drop constraint ops_proposals_decided;
      drop index ops_missions_one_active; drop index ops_missions_retry_once`);
    for (const statement of statements) await tx.query(statement);
    found = sentences(await checkHistory(joinTransaction(db.database, tx).joined, { home }));
    throw new Undone();
  });
  await work.catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return found;
}

test('a history that nobody has touched holds, and every rule was held against something', async () => {
  const report = await checkHistory(db.database, { home });
  expect(sentences(report)).toEqual([]);
  expect(report.rules.filter(({ checked }) => checked === 0)).toEqual([]);
});

/** Writes the last event of a kind once more, with another payload. */
const again = (kind: string, payload = 'payload') =>
  `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
   select kind, source, entity, entity_id, proposal_id, ${payload} from ops_events where kind = '${kind}' order by id desc limit 1`;
const running = `(select id from ops_steps where status = 'running')`;
const published = `(select id from ops_steps where kind = 'publish' and status = 'completed')`;

test.each<[string, Rule, RegExp, string[]]>([
  ['a title changed by hand', 'log_is_state', /Its title is "x"/, [`update ops_missions set title = 'x'`]],
  [
    'a row deleted by hand',
    'log_is_state',
    /its row is not there/,
    [`delete from ops_llm_calls`, `delete from ops_steps where id = ${running}`],
  ],
  [
    'a row nobody told of',
    'log_is_state',
    /no event tells/,
    [`insert into ops_agent_config (agent_id) values ('x')`],
  ],
  [
    'a cheaper call',
    'log_is_state',
    /Of its 1 model calls 1 are told by no event/,
    ['update ops_llm_calls set cost_usd = 0'],
  ],
  [
    'a call of another day',
    'log_is_state',
    /Of its 1 model calls 1 are told by no event/,
    [`update ops_llm_calls set created_at = created_at - interval '90 days'`],
  ],
  [
    'a call counted twice',
    'log_is_state',
    /Of its 2 model calls 1 are told by no event, and 0 of 1/,
    [
      `insert into ops_llm_calls (step_id, attempt, claim_id, agent_id, engine, provider, model, input_tokens,
         output_tokens, cost_usd, first_token_ms, duration_ms, outcome, created_at)
       select step_id, attempt, claim_id, agent_id, engine, provider, model, input_tokens, output_tokens, cost_usd,
         first_token_ms, duration_ms, outcome, created_at from ops_llm_calls limit 1`,
    ],
  ],
  [
    'a call of no step',
    'log_is_state',
    /belongs to no proposal/,
    [
      `insert into ops_llm_calls (step_id, attempt, claim_id, engine, duration_ms, outcome)
       values (gen_random_uuid(), 1, gen_random_uuid(), 'x', 1, 'ok')`,
    ],
  ],
  [
    'a call that vanished',
    'log_is_state',
    /Of its 0 model calls 0 are told by no event, and 1 of 1/,
    ['delete from ops_llm_calls'],
  ],
  [
    'a policy changed by hand',
    'log_is_state',
    /policy tweet_quota: Its value/,
    [`update ops_policy set value = '{"max_per_day": 900}' where key = 'tweet_quota'`],
  ],
  [
    'a key with another secret',
    'log_is_state',
    /key .*: Its secret/,
    [`update ops_api_keys set secret_hash = sha256('x')`],
  ],
  [
    'an event that belongs to nothing',
    'log_is_state',
    /An event of it belongs to no proposal/,
    [
      `insert into ops_events (kind, entity, entity_id, payload)
       select 'step.completed', entity, entity_id, payload from ops_events where kind = 'step.completed' limit 1`,
    ],
  ],
  [
    'an artefact with another text',
    'log_is_state',
    /artefact a.md: Its content/,
    [`update ops_artefacts set content = 'x'`],
  ],
  ['a step claimed twice at once', 'one_claim', /while another claim held/, [again('step.started')]],
  [
    'a claim without a number',
    'one_claim',
    /counts 7 claims, the log 1/,
    [`update ops_steps set attempt = 7 where id = ${running}`],
  ],
  [
    'a claim that nobody gave',
    'one_claim',
    /nobody holds it/,
    [`update ops_steps set status = 'running' where kind = 'analyze' and status = 'failed'`],
  ],
  [
    'an end by a claim that was lost',
    'fenced',
    /did not hold it/,
    [again('step.completed', `jsonb_set(payload, '{set,claim_id}', '"0"')`)],
  ],
  [
    'a late result of the claim that was accepted',
    'fenced',
    /also called late/,
    [
      `insert into ops_events (kind, entity, entity_id, proposal_id, payload)
     select 'step.late_result', entity, entity_id, proposal_id, jsonb_build_object('claim_id', payload -> 'set' -> 'claim_id')
     from ops_events where kind = 'step.completed' order by id limit 1`,
    ],
  ],
  ['an end that was left again', 'legal_moves', /while it was completed/, [again('mission.completed')]],
  [
    'a way that is not drawn',
    'legal_moves',
    /completed to active, which nothing may/,
    [again('mission.completed', `'{"from": "completed", "to": "active"}'`)],
  ],
  [
    'a failure that was left in the air',
    'legal_moves',
    /not queued again/,
    [
      `insert into ops_events (kind, entity, entity_id, proposal_id, payload)
     select 'step.failed', 'step', id, proposal_id, jsonb_build_object('from', 'running', 'to', 'failed', 'final', false)
     from ops_steps where id = ${running}`,
    ],
  ],
  [
    'a mission that nobody can go on with',
    'nothing_lost',
    /claimable/,
    ['update ops_steps set ready = false'],
  ],
  [
    'a step that waits for ever',
    'nothing_lost',
    /waits until .*9999.*and the log says null/,
    [`update ops_steps set ready = false, available_at = '9999-01-01' where ready`],
  ],
  [
    'more admitted than a counter counted',
    'caps',
    /proposals were admitted when 0 were used/,
    [
      `update ops_proposals set decision = jsonb_set(decision, '{verdicts,1,used}', '0') where cap_day is not null`,
    ],
  ],
  [
    'an approval without a mission',
    'nothing_lost',
    /is approved and has 0 first missions/,
    [`update ops_proposals set status = 'approved' where status = 'pending'`],
  ],
  [
    'an answer for a proposal that is gone',
    'nothing_lost',
    /Idempotency-Key one, and is not there/,
    [
      `delete from ops_proposals where id = (select (answer -> 'proposal' ->> 'id')::uuid from ops_idempotency where owner = 'key:op')`,
    ],
  ],
  ['a step completed twice', 'done_once', /completed twice/, [again('step.completed')]],
  ['an output written twice', 'done_once', /artefact.created happened twice/, [again('artefact.created')]],
  [
    'a publication that is not there',
    'done_once',
    /published a.md, and its artefact is null/,
    ['delete from ops_artefacts'],
  ],
  [
    'a publication of a step that did not end',
    'done_once',
    /has the artefact a.md, and is queued/,
    [`update ops_steps set status = 'queued' where id = ${published}`],
  ],
  ['a due time that proposed twice', 'done_once', /proposed twice/, [again('schedule.proposed')]],
  ['a mission that ended twice', 'missions_end_once', /ended more than once/, [again('mission.completed')]],
  [
    'a completed mission with an open step',
    'missions_end_once',
    /its steps are .*queued/,
    [`update ops_steps set status = 'queued' where id = ${published}`],
  ],
  [
    'a mission that should have ended',
    'missions_end_once',
    /none of its steps is open/,
    [`update ops_missions set status = 'active' where status = 'completed'`],
  ],
  [
    'a proposal with the wrong outcome',
    'missions_end_once',
    /with outcome failed/,
    [`update ops_proposals set outcome = 'failed' where outcome = 'succeeded'`],
  ],
  [
    'two missions that both go on',
    'missions_end_once',
    /no chain of retries/,
    [`update ops_missions set status = 'active' where status = 'failed'`],
  ],
  [
    'a decision with other counts',
    'decisions',
    /gates say something else/,
    [`update ops_proposals set kind = 'tweet' where status = 'pending'`],
  ],
  [
    'a decision that nobody can read',
    'decisions',
    /cannot be judged|without a policy/,
    [`update ops_proposals set policy_snapshot = '{"daily_caps": null}' where status = 'pending'`],
  ],
  [
    'a policy that never was',
    'decisions',
    /policy tweet_quota is not the one of that time/,
    [
      `update ops_proposals set policy_snapshot = jsonb_set(policy_snapshot, '{tweet_quota,max_per_day}', '900')`,
    ],
  ],
  [
    'a mission by another plan',
    'decisions',
    /Its steps are analyze; the plan was analyze, generate/,
    [`update ops_proposals set kind = 'content' where kind = 'analysis'`],
  ],
  [
    'an altered event',
    'sealed',
    /is not what was sealed/,
    [`update ops_events set source = 'x' where kind = 'mission.completed'`],
  ],
])('%s: %s', async (_, rule, what, statements) => {
  const found = await foundAfter(...statements);
  expect(found.filter((line) => line.startsWith(`${rule}:`)).join('\n')).toMatch(what);
});
