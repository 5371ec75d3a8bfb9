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
};

type Taken = { claim: Claim; token: string; leaseEnd: Date };

/** A lease is to be renewed so many times before it ends. */
const RENEWALS_PER_LEASE = 3;

/** @param configured the key of the environment, which claims have tokens of as well */
export function makeWork(
  database: Database,
  options: { handlers: Handlers; configured: string | undefined; log: Log },
): Work {
  const { handlers, configured } = options;
  const log = options.log.child({ part: 'work' });
  const workers = makeHttpWorkers(database);

  const giveBack = async (claims: Claim[]): Promise<void> => {
    // Where it fails, their leases run out.
    await workers
      .giveBack(claims, 'client_gone')
      .catch((error: unknown) => log.debug({ err: toError(error).message }, 'not given back'));
  };
  const desk = makeDesk(database, (kind) => usesModel(handlers, kind), giveBack);
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

  const claim = async (request: ClaimRequest): Promise<GivenClaim[]> => {
    requireKinds(request.caller, request.kinds, handlers);
    await workers.keep(request);
    const taken = await take(request);
    if (taken.length === 0) return [];
    database.hints.tell('events');
    const claims = taken.map((one) => one.claim);
    request.gone.addEventListener('abort', () => void giveBack(claims), { once: true });
    try {
      const briefs = await loadBriefs(database, claims);
      return taken.map((one) => toGiven(one, request.leaseMs, briefs.get(one.claim.id)));
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
