import { randomUUID } from 'node:crypto';
import type { Database } from '../../../src/db/database.ts';
import { completeSteps } from '../../../src/engine/complete.ts';
import { failStep } from '../../../src/engine/fail.ts';
import { recoverSteps } from '../../../src/engine/recover.ts';
import type { Claim } from '../../../src/engine/schema.ts';
import { Fleet } from '../../../src/fleet/schema.ts';
import { createKey } from '../../../src/keys/keys.ts';
import { readSecret } from '../../../src/keys/secret.ts';
import { findBySession, makeSessions } from '../../../src/keys/sessions.ts';
import { type Caller, SCOPES } from '../../../src/keys/schema.ts';
import { silentLog } from '../../../src/log.ts';
import { approve } from '../../../src/loop/decide.ts';
import { setPolicy } from '../../../src/policy/policy.ts';
import { WebhookInput } from '../../../src/webhooks/schema.ts';
import { pauseSchedule } from '../../../src/schedules/schedules.ts';
import { makeSecrets } from '../../../src/webhooks/secrets.ts';
import { storeWebhook } from '../../../src/webhooks/store.ts';
import { putWebhook, testWebhook } from '../../../src/webhooks/webhooks.ts';
import { BUILT_IN_HANDLERS } from '../../../src/worker/handlers.ts';
import { makeWork } from '../../../src/work/work.ts';
import { proposer, sealAll, testWorker } from '../loop.ts';
import { add } from '../schedules.ts';
import { linkOf, OPERATOR } from '../webhooks.ts';

/** Where a webhook that is changed calls from then on. */
export const MOVED = 'https://moved.example/';
const HOUR_MS = 3_600_000;
/** Steps enough for a claim of two, and for another one. */
const TWO_CLAIMS = 4;

/** What each operation needs to have something to do, made anew for every crash. */
export function makePrepare(database: Database, home: string, receiver: string) {
  const propose = proposer(database);
  const work = makeWork(database, { handlers: BUILT_IN_HANDLERS, configured: undefined, log: silentLog() });
  let n = 0;
  let hours = 0;
  let due: string | undefined;

  const pending = async () => ({ id: (await propose({ kind: 'content' })).proposal.id });
  const mission = async (kind = 'analysis') => {
    const { mission: made } = await propose({ kind });
    return made?.mission.id ?? '';
  };
  /** A running step of its own, whatever else waits. */
  const running = async (kind = 'analysis', before: string[] = []) => {
    const { proposal } = await propose({ kind });
    if (proposal.status === 'pending') await approve(database, proposal.id, { by: 'key:op' });
    const worker = await testWorker(database);
    const claimMine = async (step: string): Promise<Claim> => {
      for (;;) {
        const claim = await worker.claimOne(step);
        if (claim.proposal_id === proposal.id) return claim;
        await completeSteps(database, [{ ...claim, output: 'in the way' }]);
      }
    };
    for (const step of before) await completeSteps(database, [{ ...(await claimMine(step)), output: 'x' }]);
    const claim = await claimMine(['analyze', 'review', 'publish'][before.length] ?? '');
    return { workerId: worker.workerId, claim };
  };
  const workKey = async (): Promise<Caller> => {
    const { row } = await createKey(database, { name: 'w', scopes: ['work'], kinds: ['translate'] }, 'test');
    return {
      by: `key:${row.key_id}`,
      keyId: row.key_id,
      name: 'w',
      agentId: null,
      scopes: ['work'],
      kinds: ['translate'],
    };
  };
  const held = async (most = 1) => {
    for (let made = 0; made < most; made++) await propose({ kind: 'translation' });
    const [caller, worker] = [await workKey(), `w-${randomUUID()}`];
    const never = new AbortController().signal;
    const asked = { version: '1', most, waitMs: 0, leaseMs: 30_000, gone: never, closing: never };
    const [given, other] = await work.claim({ ...asked, caller, worker, kinds: ['translate'] });
    if (!given) throw new Error('nothing to translate');
    const { id, kind, agent_id, proposal_id, attempt, failures } = given.step;
    const claim = { claim_id: given.claim_id, step_id: id, worker_id: worker, attempt, ended: null };
    return {
      held: { ...claim, kind, agent_id, proposal_id, failures },
      other: other?.claim_id,
      caller,
      worker,
    };
  };
  const toWebhook = (name: string, more: object = {}) =>
    WebhookInput.parse({ name, url: 'https://ops.example/', topics: ['proposal.pending'], ...more });
  const webhook = async (name: string, more: object = {}, caller = OPERATOR) => {
    const made = await database.transaction((tx) => putWebhook(tx, toWebhook(name, more), caller));
    return { name, id: made?.webhook_id ?? '' };
  };
  /** A webhook with a secret in the home. */
  const signing = async () => {
    const secrets = makeSecrets(home, () => undefined);
    await storeWebhook({ database, secrets }, toWebhook(`name-${n}`), OPERATOR);
    return {};
  };
  /** A webhook whose receiver answers with this status, and a call of it that is due. */
  const call = async (status = 200) => {
    const { name } = await webhook(`name-${n}`, { url: `${receiver}/${status}`, template: 'slack' });
    return { name, delivery: (await testWebhook(database, name)).delivery_id };
  };
  /** A webhook, and a link of it that is out. */
  const withLink = async () => {
    const { row } = await createKey(database, { name: 'links', scopes: ['read', 'approve'] }, 'test');
    const caller: Caller = { ...OPERATOR, keyId: row.key_id, by: `key:${row.key_id}` };
    const { name, id: webhookId } = await webhook(`name-${n}`, { links: true }, caller);
    const { id } = await pending();
    return { id, link: await linkOf(database, name, id), webhookId, caller };
  };
  const code = async () => {
    const { keyId, ...caller } = await workKey();
    const { code: text } = await makeSessions(database).makeCode({ ...caller, keyId });
    return { keyId, code: { text, id: readSecret(text)?.id ?? '' } };
  };
  const schedule = async () => ({ name: (await add(database, { every_seconds: 3_600 })).name });

  const by: Record<string, () => Promise<Record<string, unknown>>> = {
    approve: pending,
    'approve edited': pending,
    reject: pending,
    claim: async () => {
      for (let made = 0; made < TWO_CLAIMS; made++) await mission();
      return { workerId: (await testWorker(database)).workerId };
    },
    renew: running,
    'complete a step': () => running('deploy'),
    'complete the last step, with an artefact': () => running('deploy', ['analyze', 'review']),
    'fail below the limit': running,
    'fail for good': running,
    release: running,
    'keep a late result': async () => {
      const state = await running();
      await database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
      return state;
    },
    'recover what is stale': running,
    'recover from a dead worker': async () => {
      const state = await running();
      await database.query(
        `update ops_workers set lease_expires_at = lease_expires_at - interval '1 hour' where worker_id = $1`,
        [state.workerId],
      );
      return state;
    },
    'retire a worker': async () => ({ workerId: (await testWorker(database)).workerId }),
    promote: async () => {
      const { claim } = await running();
      const failure = { class: 'error' as const, message: 'x' };
      await database.transaction((tx) => failStep(tx, { ...claim, failure, final: false, retryInMs: 0 }));
      return { claim };
    },
    cancel: async () => ({ mission: await mission('deploy-now') }),
    retry: async () => {
      const { claim } = await running();
      const failure = { class: 'error' as const, message: 'x' };
      await database.transaction((tx) => failStep(tx, { ...claim, failure, final: true, retryInMs: 0 }));
      return { mission: claim.mission_id };
    },
    'resume a restored copy': async () => {
      await setPolicy(database, 'paused', { enabled: true, agents: [], restored: true }, 'restore');
      return { policy: 'paused' };
    },
    'revoke a key': async () => {
      const { row } = await createKey(database, { name: 'x', scopes: ['read'] }, 'test');
      return { keyId: row.key_id };
    },
    'make a code to sign in': async () => ({ caller: await workKey() }),
    'a schedule proposes': async () => {
      due ??= (await schedule()).name;
      return { now: Date.now() + ++hours * HOUR_MS, proposer: `schedule:${due}` };
    },
    'pause a schedule': schedule,
    'change a schedule': schedule,
    'resume a schedule': async () => {
      const { name } = await schedule();
      await pauseSchedule(database, name, 'key:op');
      return { name };
    },
    'remove a schedule': schedule,
    seal: async () => ({ mission: await mission() }),
    'a beat signs where the log ends': async () => {
      await mission();
      await sealAll(database);
      return {};
    },
    'a beat': async () => {
      // Of one that was killed: another one may begin when its lease is over.
      await database.query(`update ops_beats set lease_expires_at = now() where finished_at is null`);
      await running();
      return {};
    },
    'what is old is dropped': async () => {
      const { claim } = await running();
      await completeSteps(database, [{ ...claim, output: 'old' }]);
      await sealAll(database);
      // No answer of yesterday is held against what is dropped as if it were old.
      await database.query(`update ops_idempotency set created_at = now() - interval '2 days'`);
      return { claim, before: Date.now() + 24 * HOUR_MS };
    },
    'calls are collected': async () => {
      await webhook('pendings');
      const state = await pending();
      await sealAll(database);
      return state;
    },
    'claim over HTTP': async () => {
      for (let made = 0; made < TWO_CLAIMS; made++) await mission('translation');
      return { caller: await workKey(), worker: `w-${randomUUID()}` };
    },
    'complete over HTTP': held,
    'fail over HTTP': held,
    'renew over HTTP': held,
    'renew all over HTTP': () => held(2),
    'release over HTTP': held,
    'leave over HTTP': held,
    report: async () => ({ caller: await workKey() }),
    'sign in by a code': code,
    'sign out': async () => {
      const given = (await code()).code;
      const caller = await findBySession(database, given.text, { ...given, isCode: true }, null);
      if (!caller) throw new Error('the code leads to nobody');
      await makeSessions(database).open(given.text, caller);
      return { signedIn: caller };
    },
    'store a webhook': async () => ({ webhook: toWebhook(`name-${n}`), caller: OPERATOR }),
    'change a webhook': async () => {
      const moved = toWebhook(`name-${n}`, { links: true, url: MOVED });
      return { ...(await withLink()), webhook: moved };
    },
    'remove a webhook': signing,
    'send a test call': () => webhook(`name-${n}`),
    'call a webhook': call,
    'call a webhook that fails': () => call(500),
    'call a webhook that is gone': () => call(410),
    'try a call anew': async () => {
      const { delivery } = await call();
      await database.query(
        `update ops_deliveries set status = 'dead', ended_at = now() where delivery_id = $1`,
        [delivery],
      );
      return { delivery };
    },
    'decide by a link': withLink,
    'prune a webhook by a fleet file': async () => {
      await signing();
      return { fleet: Fleet.parse({ webhooks: {} }), caller: { ...OPERATOR, scopes: [...SCOPES] } };
    },
    'apply a fleet file': async () => {
      const { name: _, ...hook } = toWebhook(`name-${n}`);
      const look = { agent_id: 'pm', kind: 'analysis', title: 'Look', every_seconds: 3_600 };
      const name = `name-${n}`;
      const fleet = {
        agents: { [name]: { display_name: 'New' } },
        keys: { [name]: { scopes: ['read'] } },
        schedules: { [name]: look },
        webhooks: { [name]: hook },
      };
      return { fleet: Fleet.parse(fleet), caller: { ...OPERATOR, scopes: [...SCOPES] } };
    },
  };

  return async (name: string): Promise<Record<string, unknown>> => {
    n++;
    const own = (await by[name]?.()) ?? {};
    const fresh = { key: `k${n}`, name: `name-${n}`, workerId: `w-${n}`, code: `problem_${n}` };
    return { home, n, ...fresh, ...own };
  };
}
