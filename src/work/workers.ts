import type { Database, Db } from '../db/database.ts';
import { keepHttpWorker, keyOfWorker } from '../engine/http-workers.ts';
import { releaseSteps } from '../engine/release.ts';
import type { ClaimRef } from '../engine/schema.ts';
import { heldOverHttp, noteWorkEnds, type RenewedClaim, renewWorkClaims } from '../engine/work-claims.ts';
import { retireWorker } from '../engine/workers.ts';
import { AppError } from '../errors.ts';
import type { Caller } from '../keys/schema.ts';
import type { ClaimRequest } from './schema.ts';

/** Longer than the wait and the lease, so that a worker that asks often is written rarely. */
const SPARE_MS = 10_000;
/** A claim that its worker does not name so long after it was made was lost on its way. */
const UNKNOWN_MS = 10_000;
const MOST_KNOWN = 1_000;

type Known = { keyId: string; kinds: string; until: number };

/** Those who work over HTTP: each is known by the name it gives itself for one boot, and belongs to one key. */
export function makeHttpWorkers(database: Database) {
  /** Whom we wrote lately, and how long its lease lasts by our own clock. */
  const known = new Map<string, Known>();

  /** @throws AppError worker_ended; conflict when the name belongs to another key */
  const keep = async (ask: ClaimRequest): Promise<void> => {
    // How many of each it takes, it says anew with each claim.
    const kinds = Object.fromEntries(ask.kinds.toSorted().map((kind) => [kind, 1]));
    const now = performance.now();
    const last = known.get(ask.worker);
    const isFresh =
      last?.keyId === ask.caller.keyId &&
      last.kinds === JSON.stringify(kinds) &&
      last.until >= now + ask.waitMs + ask.leaseMs;
    if (isFresh) return;
    const leaseMs = ask.waitMs + ask.leaseMs + SPARE_MS;
    const worker = {
      workerId: ask.worker,
      // Without the uuid of its boot.
      host: ask.worker.slice(0, -37),
      keyId: ask.caller.keyId,
      version: ask.version,
      kinds,
    };
    const refused = await keepHttpWorker(database, worker, leaseMs);
    if (refused?.key_id === ask.caller.keyId) throw ended(ask.worker);
    if (refused) throw notYours(ask.worker);
    known.delete(ask.worker);
    known.set(ask.worker, { keyId: ask.caller.keyId, kinds: JSON.stringify(kinds), until: now + leaseMs });
    for (const [oldest] of known) if (known.size > MOST_KNOWN) known.delete(oldest);
  };

  const ended = (worker: string): AppError => {
    known.delete(worker);
    return new AppError(
      'worker_ended',
      `The worker ${worker} has ended; what it held is back in the queue. Go on under a name with a new uuid.`,
      { details: { worker } },
    );
  };

  const requireOwn = async (caller: Caller, worker: string): Promise<void> => {
    const keyId = await keyOfWorker(database, worker);
    if (keyId === null)
      throw new AppError(
        'not_found',
        `No worker over HTTP has the name ${worker}; it gets it with its first claim.`,
      );
    if (keyId !== caller.keyId) throw notYours(worker);
  };

  const release = async (tx: Db, claims: ClaimRef[], reason: string) => {
    if (claims.length === 0) return;
    await releaseSteps(tx, claims, { reason });
    const ids = claims.map((claim) => claim.claim_id);
    await noteWorkEnds(tx, ids, { as: 'released' });
  };

  const tell = () => {
    database.hints.tell('steps');
    database.hints.tell('events');
  };

  const giveBack = async (claims: ClaimRef[], reason: string) => {
    if (claims.length === 0) return;
    await database.transaction((tx) => release(tx, claims, reason));
    tell();
  };

  return {
    keep,
    ended,
    giveBack,

    /**
     * Renews what the worker holds. With the claims that it knows of, those it was given and does not know of are
     * given back: their answer was lost.
     */
    async renew(caller: Caller, worker: string, claims: string[] | undefined): Promise<RenewedClaim[]> {
      await requireOwn(caller, worker);
      const held = await heldOverHttp(database, worker, UNKNOWN_MS);
      if (claims === undefined)
        return renewWorkClaims(
          database,
          worker,
          held.map((claim) => claim.claim_id),
        );
      const renewed = await renewWorkClaims(database, worker, claims);
      const lost = held.filter((claim) => claim.older && !claims.includes(claim.claim_id));
      await giveBack(lost, 'unknown_to_worker');
      return renewed;
    },

    /** The worker ends in order: what it holds is given back at once. @returns how many steps */
    async leave(caller: Caller, worker: string): Promise<number> {
      await requireOwn(caller, worker);
      const held = await database.transaction(async (tx) => {
        // First, so that a claim of its that is under way comes before it, or not at all.
        await retireWorker(tx, worker);
        const claims = await heldOverHttp(tx, worker, 0);
        await release(tx, claims, 'shutdown');
        return claims;
      });
      known.delete(worker);
      tell();
      return held.length;
    },
  };
}

function notYours(worker: string): AppError {
  return new AppError(
    'conflict',
    `The name ${worker} belongs to a worker of another key; a name ends in a uuid that is drawn at each start.`,
    { details: { worker } },
  );
}
