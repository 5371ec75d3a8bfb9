import type { Database } from '../db/database.ts';
import { type Brief, loadBriefs } from '../engine/brief.ts';
import type { Claim } from '../engine/schema.ts';
import { insertWorkClaims, type RenewedClaim, renewWorkClaims } from '../engine/work-claims.ts';
import { AppError, toError } from '../errors.ts';
import { makeClaimToken } from '../keys/claim-tokens.ts';
import { ENVIRONMENT_KEY } from '../keys/environment-key.ts';
import type { Caller, HeldClaim } from '../keys/schema.ts';
import type { Log } from '../log.ts';
import type { Handlers } from '../worker/handler.ts';
import { makeDesk } from './desk.ts';
import { makeEnds } from './ends.ts';
import { requireKinds, usesModel } from './kinds.ts';
import type { ClaimRequest, Completion, Ended, Failing, GivenClaim, Releasing } from './schema.ts';
import { makeHttpWorkers } from './workers.ts';

/** The engine for workers in any language: claim, renew, complete, fail and release as the API offers them. */
export type Work = {
  /**
   * Waits for steps and claims them. What was claimed for a client that is gone before it has the answer is given back.
   * @throws AppError forbidden, worker_ended, conflict
   */
  claim(request: ClaimRequest): Promise<GivenClaim[]>;
  renew(claim: HeldClaim): Promise<RenewedClaim>;
  /** All that a worker holds, or the claims that it says it holds. */
  renewAll(caller: Caller, worker: string, claims: string[] | undefined): Promise<RenewedClaim[]>;
  complete(claim: HeldClaim, completion: Completion): Promise<Ended>;
  fail(claim: HeldClaim, failing: Failing): Promise<Ended>;
  release(claim: HeldClaim, releasing: Releasing): Promise<Ended>;
  /** The worker ends; how many steps it gave back. */
  leave(caller: Caller, worker: string): Promise<number>;
  /** How many clients wait for steps. */
  waiting(): number;
  /** Resolves when what was claimed for clients that are gone has been given back. */
  settle(): Promise<void>;
};

type Taken = { claim: Claim; token: string; leaseEnd: Date };

/** A lease is to be renewed so many times before it ends. */
const RENEWALS_PER_LEASE = 3;
/** Of one answer, roughly: bodies and earlier outputs are up to 768 KiB a step. What is over goes back. */
const MOST_BYTES = 8 * 1_048_576;
const BRIEFS_AT_ONCE = 5;
/** Of one agent's key, at once. */
const MOST_POLLS = 20;

/** @param configured the key of the environment, which claims have tokens of as well */
export function makeWork(
  database: Database,
  options: { handlers: Handlers; configured: string | undefined; log: Log },
): Work {
  const { handlers, configured } = options;
  const log = options.log.child({ part: 'work' });
  const workers = makeHttpWorkers(database);

  const underWay = new Set<Promise<void>>();
  const giveBack = (claims: Claim[], reason = 'client_gone'): Promise<void> => {
    const giving = workers
      .giveBack(claims, reason)
      // Where it fails, their leases run out.
      .catch((error: unknown) => log.debug({ err: toError(error).message }, 'not given back'))
      .finally(() => underWay.delete(giving));
    underWay.add(giving);
    return giving;
  };
  const desk = makeDesk(
    database,
    (kind) => usesModel(handlers, kind),
    (claims) => giveBack(claims),
  );
  const polls = new Map<string, number>();
  const ends = makeEnds(database, handlers, log);

  /** Waits, and claims with a token for each. */
  const take = async (request: ClaimRequest): Promise<Taken[]> => {
    const { caller, leaseMs, gone, closing } = request;
    const { keyId } = caller;
    const worker = { workerId: request.worker, keyId, keyHasNoRow: keyId === ENVIRONMENT_KEY, leaseMs };
    const over = new AbortController();
    const end = () => over.abort();
    if (gone.aborted || closing.aborted) end();
    for (const signal of [gone, closing]) signal.addEventListener('abort', end, { once: true });
    const made = new Map<string, Taken>();
    const waiting = desk.wait({
      workerId: request.worker,
      kinds: request.kinds,
      most: request.most,
      waitMs: request.waitMs,
      agentId: caller.agentId,
      signal: over.signal,
      async alongside(tx, claims) {
        const secrets = claims.map((claim) => ({
          claim,
          ...makeClaimToken(claim.claim_id, keyId, configured),
        }));
        const leaseEnd = await insertWorkClaims(tx, worker, secrets);
        if (leaseEnd === 'worker_ended') throw workers.ended(request.worker);
        if (leaseEnd === 'key_over')
          throw new AppError(
            'unauthorized',
            `The key ${keyId} was revoked, or has expired, while it waited.`,
          );
        for (const { claim, token } of secrets) made.set(claim.claim_id, { claim, token, leaseEnd });
      },
    });
    const claims = await waiting.finally(() => closing.removeEventListener('abort', end));
    return claims.flatMap(({ claim_id }) => made.get(claim_id) ?? []);
  };

  /** @throws AppError rate_limited when an agent's key waits too often at once: others need connections, too */
  const waitingOnce = async <T>({ caller }: ClaimRequest, wait: () => Promise<T>): Promise<T> => {
    const { keyId } = caller;
    const now = polls.get(keyId) ?? 0;
    if (caller.agentId !== null && now >= MOST_POLLS)
      throw new AppError(
        'rate_limited',
        `The key ${keyId} waits for steps ${now} times at once; that is as often as an agent's key may.`,
        { retryAfter: 5 },
      );
    polls.set(keyId, now + 1);
    try {
      return await wait();
    } finally {
      const left = (polls.get(keyId) ?? 1) - 1;
      if (left > 0) polls.set(keyId, left);
      else polls.delete(keyId);
    }
  };

  const claim = async (request: ClaimRequest): Promise<GivenClaim[]> => {
    requireKinds(request.caller, request.kinds, handlers);
    await workers.keep(request);
    const taken = await waitingOnce(request, () => take(request));
    if (taken.length === 0) return [];
    database.hints.tell('events');
    const claims = taken.map((one) => one.claim);
    request.gone.addEventListener('abort', () => void giveBack(claims), { once: true });
    try {
      const given: GivenClaim[] = [];
      for (let bytes = 0; given.length < taken.length && bytes < MOST_BYTES; ) {
        const some = taken.slice(given.length, given.length + BRIEFS_AT_ONCE);
        const briefs = await loadBriefs(
          database,
          some.map((one) => one.claim),
        );
        const shown = some.map((one) => toGiven(one, request.leaseMs, briefs.get(one.claim.id)));
        bytes += Buffer.byteLength(JSON.stringify(shown));
        given.push(...shown);
      }
      await giveBack(claims.slice(given.length), 'too_much_at_once');
      return given;
    } catch (error) {
      await giveBack(claims);
      throw error;
    }
  };

  return {
    claim,
    async renew({ worker_id, claim_id }) {
      const [renewed] = await renewWorkClaims(database, worker_id, [claim_id]);
      return renewed ?? { claim_id, lease_expires_at: null, abort: 'claim_lost' };
    },
    renewAll: workers.renew,
    ...ends,
    leave: workers.leave,
    waiting: desk.waiting,
    async settle() {
      await desk.settle();
      await Promise.all(underWay);
    },
  };
}

function toGiven({ claim, token, leaseEnd }: Taken, leaseMs: number, brief: Brief | undefined): GivenClaim {
  const { claim_id, queue_no: _place, ...step } = claim;
  return {
    claim_id,
    token,
    lease_expires_at: leaseEnd,
    renew_every_seconds: leaseMs / 1_000 / RENEWALS_PER_LEASE,
    step,
    proposal: brief?.proposal ?? null,
    agent: brief?.agent ?? { agent_id: claim.agent_id, role: null, model_override: null },
    prior: brief?.prior ?? [],
  };
}
