// What is killed in the middle: the sorts of writes that opsloop makes, as the program makes them. Each gets the database
// and what the test has prepared for it, which is as good for a second try.
import { setAgent } from '../../../dist/agents/agents.js';
import { lookOnce } from '../../../dist/alerts/watch.js';
import { noteFact } from '../../../dist/db/installation.js';
import { completeSteps } from '../../../dist/engine/complete.js';
import { insertArtefact } from '../../../dist/engine/artefacts.js';
import { failStep } from '../../../dist/engine/fail.js';
import { recordLate } from '../../../dist/engine/late.js';
import { promoteDelayed } from '../../../dist/engine/promote.js';
import { makeQueue } from '../../../dist/engine/queue.js';
import { recoverSteps } from '../../../dist/engine/recover.js';
import { releaseSteps } from '../../../dist/engine/release.js';
import { recordCalls } from '../../../dist/engine/tokens.js';
import { buryDeadWorkers, registerWorker, renewLease, retireWorker } from '../../../dist/engine/workers.js';
import { sealOnce } from '../../../dist/events/sealer.js';
import { ensureLogKey } from '../../../dist/events/proof/key.js';
import { signChainEnd } from '../../../dist/events/proof/sign.js';
import { applyFleet } from '../../../dist/fleet/apply.js';
import { ACTIONS } from '../../../dist/heartbeat/actions.js';
import { startHeartbeat } from '../../../dist/heartbeat/heartbeat.js';
import { createKey, revokeKey } from '../../../dist/keys/keys.js';
import { findBySession, makeSessions } from '../../../dist/keys/sessions.js';
import { silentLog } from '../../../dist/log.js';
import { toAnswer } from '../../../dist/loop/answer.js';
import { approve, reject } from '../../../dist/loop/decide.js';
import { cancelMission, retryMission } from '../../../dist/loop/missions.js';
import { makeCreateProposal } from '../../../dist/loop/propose.js';
import { storeReport } from '../../../dist/loop/report.js';
import { setPaused, setPolicy } from '../../../dist/policy/policy.js';
import { dropBefore } from '../../../dist/retention/retention.js';
import {
  addSchedule,
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../../../dist/schedules/schedules.js';
import { takeDue } from '../../../dist/schedules/take-due.js';
import { collectOnce } from '../../../dist/webhooks/collect.js';
import { sendDue } from '../../../dist/webhooks/courier.js';
import { decideByLink, makeFindLink } from '../../../dist/webhooks/links.js';
import { makePost } from '../../../dist/webhooks/post.js';
import { makeSecrets } from '../../../dist/webhooks/secrets.js';
import { storeWebhook } from '../../../dist/webhooks/store.js';
import { getWebhook, removeWebhook, retryDelivery, testWebhook } from '../../../dist/webhooks/webhooks.js';
import { BUILT_IN_HANDLERS } from '../../../dist/worker/handlers.js';
import { makeWork } from '../../../dist/work/work.js';

const by = 'key:op';
const log = silentLog();
const FAILURE = { class: 'error', message: 'it did not work' };
const CALL = {
  engine: 'ollama',
  provider: 'ollama',
  model: 'tiny',
  inputTokens: 1,
  outputTokens: 2,
  costUsd: 0.5,
  firstTokenMs: 3,
  loadMs: null,
  durationMs: 4,
  outcome: 'ok',
};

const propose =
  (kind) =>
  (db, { key }) =>
    makeCreateProposal(
      db,
      toAnswer,
    )({
      agentId: 'pm',
      kind,
      title: key,
      body: 'A fact.',
      by,
      idempotency: { owner: by, key, digest: kind },
    });

const fail =
  (final) =>
  (db, { claim }) =>
    db.transaction(async (tx) => {
      await recordCalls(tx, claim, [CALL]);
      await failStep(tx, { ...claim, failure: FAILURE, final, retryInMs: 0 });
    });

const beat = (actions) => async (db) => {
  const heartbeat = startHeartbeat(db, { intervalMs: 86_400_000, log, actions });
  try {
    await heartbeat.beat(by);
  } finally {
    await heartbeat.close();
  }
};

const secretsOf = (home) => makeSecrets(home, () => undefined);
const refuse = () => {
  throw Object.assign(new Error('nobody who may'), { code: 'unauthorized' });
};

const store = (db, { home, webhook, caller }) =>
  storeWebhook({ database: db, secrets: secretsOf(home) }, webhook, caller);

const call = async (db, { home, name }) => {
  const post = makePost(['127.0.0.1']);
  const parts = { database: db, secrets: secretsOf(home), base: 'https://ops.example', post, log };
  try {
    await sendDue(parts, await getWebhook(db, name));
  } finally {
    await post.close();
  }
};

/** As if whatever is held over HTTP had been claimed so long ago that its worker must know of it. */
const later = (db) => ({
  ...db,
  query: (sql, values, name) =>
    db.query(sql, name === 'opsloop_held_over_http' ? [values[0], 0] : values, name),
});

const overHttp = (db) => makeWork(db, { handlers: BUILT_IN_HANDLERS, configured: undefined, log });

export const operations = {
  'propose, approved by policy': propose('analysis'),
  'propose, left to an operator': propose('content'),
  'propose, refused by a cap': propose('capped'),
  approve: (db, { id }) => approve(db, id, { by }),
  'approve edited': (db, { id }) => approve(db, id, { by, edit: { title: 'Better', body: null } }),
  reject: (db, { id }) => reject(db, id, { by, reason: 'not now' }),
  'register a worker': (db, { workerId }) =>
    registerWorker(db, { workerId, host: 'h', pid: 1, version: '0', kinds: { analyze: 1 } }),
  claim: (db, { workerId }) => makeQueue(db).claim(workerId, { analyze: 2 }, () => undefined),
  renew: (db, { workerId, claim }) => renewLease(db, workerId, [claim]),
  'complete a step': (db, { claim }) =>
    db.transaction(async (tx) => {
      await recordCalls(tx, claim, [CALL]);
      await completeSteps(tx, [{ ...claim, output: { text: 'done' } }]);
    }),
  'complete the last step, with an artefact': (db, { claim, name }) =>
    db.transaction(async (tx) => {
      const done = await completeSteps(tx, [{ ...claim, output: { artefact: name } }]);
      if (done.size > 0) await insertArtefact(tx, claim, { name, content: 'text' });
    }),
  'fail below the limit': fail(false),
  'fail for good': fail(true),
  release: (db, { claim }) => releaseSteps(db, [claim], { reason: 'shutdown' }),
  'keep a late result': (db, { claim }) => recordLate(db, [{ ...claim, output: 1 }], 'w'),
  'recover what is stale': (db) =>
    db.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} })),
  'recover from a dead worker': (db) =>
    db.transaction(async (tx) => {
      await buryDeadWorkers(tx);
      await recoverSteps(tx, { why: 'worker_died' });
    }),
  'retire a worker': (db, { workerId }) => retireWorker(db, workerId),
  promote: (db) => promoteDelayed(db),
  cancel: (db, { mission }) => cancelMission(db, mission, { by }),
  retry: (db, { mission }) => retryMission(db, mission, { by }),
  'set the policy': (db, { n }) => setPolicy(db, 'tweet_quota', { max_per_day: n }, by),
  'pause an agent': (db, { name }) => setPaused(db, true, name, by),
  'resume a restored copy': (db) => setPaused(db, false, undefined, by),
  'note a fact': (db, { key }) => noteFact(db, key),
  'make a key': (db, { name }) => createKey(db, { name, scopes: ['propose'], agent_id: 'pm' }, by),
  'revoke a key': (db, { keyId }) => revokeKey(db, keyId, by),
  'make a code to sign in': (db, { caller }) => makeSessions(db).makeCode(caller),
  'add a schedule': (db, { name }) =>
    addSchedule(db, { name, agent_id: 'pm', kind: 'analysis', title: 'Look', every_seconds: 3_600 }, by),
  'a schedule proposes': (db, { now }) =>
    takeDue({ database: db, propose: makeCreateProposal(db, toAnswer) }, new Date(now), []),
  'pause a schedule': (db, { name }) => pauseSchedule(db, name, by),
  'resume a schedule': (db, { name }) => resumeSchedule(db, name, by),
  'change a schedule': (db, { name }) => changeSchedule(db, name, { title: 'Other' }, by),
  'remove a schedule': (db, { name }) => removeSchedule(db, name, by),
  seal: (db) => sealOnce(db),
  'a beat': beat(ACTIONS),
  'a beat signs where the log ends': (db, { home }) => signChainEnd(db, home),
  'what is old is dropped': async (db, { home, before }) =>
    dropBefore(db, await ensureLogKey(home), { before: new Date(before), reason: 'a test' }),
  'calls are collected': (db) => collectOnce(db),
  'alerts are raised': async (db, { code }) => {
    const problems = [{ code, message: 'x' }];
    await lookOnce(db, problems, await lookOnce(db, problems));
  },
  'claim over HTTP': async (db, { worker, caller }) => {
    const gone = new AbortController().signal;
    await overHttp(db).claim({
      worker,
      version: '1',
      caller,
      kinds: ['translate'],
      most: 2,
      waitMs: 0,
      leaseMs: 30_000,
      gone,
      closing: gone,
    });
  },
  'complete over HTTP': (db, { held }) => overHttp(db).complete(held, { output: 'done', calls: [CALL] }),
  'fail over HTTP': (db, { held }) =>
    overHttp(db).fail(held, { class: 'error', message: 'x', final: false, output: null, calls: [] }),
  'renew over HTTP': (db, { held }) => overHttp(db).renew(held),
  'renew all over HTTP': (db, { caller, worker, held }) =>
    overHttp(later(db)).renewAll(caller, worker, [held.claim_id]),
  'release over HTTP': (db, { held }) =>
    overHttp(db).release(held, { retryInMs: 0, reason: 'busy', message: undefined, calls: [] }),
  'leave over HTTP': (db, { caller, worker }) => overHttp(db).leave(caller, worker),
  report: (db, { caller, key }) =>
    storeReport(db, {
      caller,
      events: [1, 2].map((part) => ({ kind: 'test.reported', payload: { key, part } })),
      idempotency: { owner: caller.keyId, key, digest: 'same' },
    }),
  'sign in by a code': async (db, { code }) => {
    const caller = await findBySession(db, code.text, { id: code.id, isCode: true }, null);
    await makeSessions(db).open(code.text, caller ?? refuse());
  },
  'sign out': (db, { signedIn }) => makeSessions(db).close(signedIn),
  'make an agent': (db, { name }) => setAgent(db, name, { display_name: 'New', role: 'Looks' }, by),
  'store a webhook': store,
  'change a webhook': store,
  'remove a webhook': (db, { home, name }) =>
    removeWebhook({ database: db, secrets: secretsOf(home) }, name, by),
  'send a test call': (db, { name }) => testWebhook(db, name),
  'call a webhook': call,
  'call a webhook that fails': call,
  'call a webhook that is gone': call,
  'try a call anew': (db, { delivery }) => retryDelivery(db, delivery),
  'decide by a link': async (db, { link }) =>
    decideByLink(db, (await makeFindLink(db)(link)) ?? refuse(), { decision: 'approve', reason: '' }),
  'apply a fleet file': (db, { home, fleet, caller }) =>
    applyFleet({ database: db, secrets: secretsOf(home) }, fleet, caller, { dryRun: false, prune: false }),
  'prune a webhook by a fleet file': (db, { home, fleet, caller }) =>
    applyFleet({ database: db, secrets: secretsOf(home) }, fleet, caller, { dryRun: false, prune: true }),
};
