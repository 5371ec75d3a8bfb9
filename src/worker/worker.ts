import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Database } from '../db/database.ts';
import { makeQueue } from '../engine/queue.ts';
import { releaseSteps } from '../engine/release.ts';
import { failStep } from '../engine/fail.ts';
import { type Claim, type ClaimRef, type FreeSlots, RENEW_EVERY_MS } from '../engine/schema.ts';
import { heldInDatabase, registerWorker, renewLease, retireWorker } from '../engine/workers.ts';
import { untilAvailable } from '../db/until-available.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Llm } from '../llm/llm.ts';
import type { Log } from '../log.ts';
import { VERSION } from '../version.ts';
import { type AttemptDeps, type StopReason, workAttempt } from './attempt.ts';
import { claimWhatIsServed, type ClaimerDeps } from './claimer.ts';
import { makeFinisher } from './finisher.ts';
import type { Handlers } from './handler.ts';
import { startKeeper } from './keeper.ts';
import { makeProviderHolds } from './provider-holds.ts';
import type { AgentModel } from './serving.ts';
import { makeUnknownClaims } from './unknown-claims.ts';

/** How long an attempt may take to end once it is aborted. */
const ABORT_MS = 3_000;

/**
 * A worker claims steps, works them, and renews one lease for all it holds.
 *
 * Two loops, and a keeper. The claimer takes as many steps as there are free slots, woken by hints and by its own
 * ends of work, and polls in between. The renewer keeps the lease, aborts what was lost or paused, and gives back
 * claims it does not know of. A worker that was declared dead starts over under a new id; its old claims are no
 * longer its own.
 */
export type Worker = {
  id(): string;
  /** Steps being worked right now, and those whose end is being written. */
  holds(): number;
  /** Those of them that are being worked: each has a slot. */
  works(): number;
  /** No more claims; what runs may finish for `graceMs`, or until `hurry`, and is then aborted and given back. */
  stop(graceMs: number, hurry?: AbortSignal): Promise<void>;
};

export type WorkerOptions = {
  database: Database;
  llm: Llm;
  handlers: Handlers;
  /** Slots per kind; absent kinds get their handler's number, 0 leaves a kind out. */
  slots?: Record<string, number>;
  agentModel?: AgentModel;
  idPrefix?: string;
  pollMs?: number;
  log: Log;
  /** Whether workers over HTTP renew through this process; they do unless it says otherwise. */
  serves?: boolean;
  /** Gives up waiting for a database that is away at the start. */
  signal?: AbortSignal;
};

/** Ends that wait for their write hold up the claiming at this many, so that memory is bounded. */
const MOST_ENDED = 2_000;
/** So that a claim whose answer is lost again and again does not spin. */
const GIVEN_BACK_MS = 5_000;

/** `worked`: its handler has ended and its slot is free; only the write of its end is left. */
type Attempt = { claim: Claim; stop: AbortController; worked: boolean; done: Promise<void> };

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const {
    database,
    llm,
    handlers,
    idPrefix = hostname(),
    pollMs = 1_000,
    agentModel = () => undefined,
  } = options;
  const log = options.log.child({ part: 'worker' });
  const slots = slotsOf(handlers, options.slots ?? {});
  const attempts = new Map<string, Attempt>();
  const claiming = new AbortController();
  const closing = new AbortController();
  const wake = makeWake();
  const renewWake = makeWake();
  const queue = makeQueue(database);
  const lookAgain = () => {
    queue.changed();
    wake.call();
  };
  // A policy can stop what runs, and let go on what waited.
  const stopHints = [
    database.hints.on('steps', lookAgain),
    database.hints.on('policy', lookAgain),
    database.hints.on('policy', renewWake.call),
  ];
  const holds = makeProviderHolds();
  const begunOnce = new Set<string>();
  const claimer: ClaimerDeps = { database, queue, llm, handlers, agentModel, holds };
  let workerId = '';
  let deps: AttemptDeps;
  const unknownClaims = makeUnknownClaims();

  const register = async () => {
    workerId = `${idPrefix}-${randomUUID()}`;
    await registerWorker(database, {
      workerId,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      kinds: slots,
    });
    const finisher = makeFinisher(database, workerId, closing.signal, log);
    deps = { database, llm, agentModel, log, finisher, holds, begunOnce, closing: closing.signal };
  };
  await untilAvailable(register, options.signal ?? closing.signal, log);
  const keeper = startKeeper(database, log, options.serves);

  const begin = (claim: Claim) => {
    const handler = handlers[claim.kind];
    if (!handler) return;
    const attempt: Attempt = { claim, stop: new AbortController(), worked: false, done: Promise.resolve() };
    attempts.set(claim.claim_id, attempt);
    const onWorked = () => {
      attempt.worked = true;
      wake.call();
    };
    attempt.done = workAttempt(deps, claim, handler, attempt.stop.signal, onWorked).finally(() => {
      attempts.delete(claim.claim_id);
      wake.call();
      // Its end may have delayed it.
      keeper.look();
    });
  };

  const claimOnce = async (): Promise<number> => {
    let claimed = 0;
    await claimWhatIsServed(claimer, workerId, freeSlots(slots, attempts), (claims) => {
      claimed += claims.length;
      for (const claim of claims) begin(claim);
    });
    if (claimed > 0) database.hints.tell('events');
    return claimed;
  };

  const keepClaiming = async () => {
    for (let failing = false; !claiming.signal.aborted; ) {
      try {
        const claimed = await claimOnce();
        failing = false;
        if (claimed > 0) continue;
        await wake.wait(Math.min(jittered(pollMs), queue.restMs()), claiming.signal);
        queue.changed();
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'claiming waits');
        failing = true;
        await sleep(jittered(1_000), claiming.signal);
      }
    }
  };

  const abort = (attempt: Attempt, reason: StopReason) => {
    if (!attempt.stop.signal.aborted) attempt.stop.abort(reason);
  };

  const renewOnce = async () => {
    const held = [...attempts.values()];
    const renewal = await renewLease(
      database,
      workerId,
      held.map(({ claim }) => claim),
    );
    if (!renewal.alive) {
      log.warn('this worker was declared dead; it starts over under a new id');
      for (const attempt of held) abort(attempt, 'claim_lost');
      await register();
      return;
    }
    const lost = new Set(renewal.lost);
    for (const attempt of held) {
      if (lost.has(attempt.claim.claim_id)) abort(attempt, 'claim_lost');
      else if (handlers[attempt.claim.kind]?.once) continue;
      else if (renewal.paused || renewal.pausedAgents.includes(attempt.claim.agent_id ?? ''))
        abort(attempt, 'paused');
    }
    await giveBackUnknown();
  };

  /** Steps that are ours by the database alone: the answer to their claim, or to their end, was lost. */
  const giveBackUnknown = async () => {
    const held = await heldInDatabase(database, workerId);
    const stillHeld = new Set(held.map((ref) => ref.claim_id));
    for (const id of begunOnce) if (!stillHeld.has(id) && !attempts.has(id)) begunOnce.delete(id);
    const lost = unknownClaims.lostOf(held, (id) => attempts.has(id));
    if (lost.length === 0) return;
    const unknown = lost.filter((ref) => !begunOnce.has(ref.claim_id));
    for (const ref of lost.filter((one) => begunOnce.has(one.claim_id))) await failBegun(ref);
    if (unknown.length === 0) return;
    // What ended in the meantime is not given back.
    const released = await releaseSteps(database, unknown, {
      reason: 'unknown_to_worker',
      retryInMs: GIVEN_BACK_MS,
    });
    if (released.size === 0) return;
    log.warn({ steps: released.size }, 'gave back claims whose answer was lost');
    wake.call();
  };

  /** It was begun, and its end could not be written then; it is written now, and it is not tried again. */
  const failBegun = async (ref: ClaimRef) => {
    const message = 'It was begun, and its end could not be written when it came.';
    const failure = { class: 'outcome_unknown', message };
    await database.transaction((tx) => failStep(tx, { ...ref, failure, final: true, retryInMs: 0 }));
    begunOnce.delete(ref.claim_id);
  };

  const keepRenewing = async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      await renewWake.wait(RENEW_EVERY_MS, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await renewOnce();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'the lease was not renewed');
        failing = true;
      }
    }
  };

  /**
   * Steps whose handler does not listen to its signal; whatever it still does comes too late. What must not
   * happen twice is not given back: the sweep finds its worker gone and fails it.
   */
  const releaseDeaf = async () => {
    const claims = [...attempts.values()]
      .map((attempt) => attempt.claim)
      .filter((claim) => !begunOnce.has(claim.claim_id));
    if (claims.length === 0) return;
    log.warn(
      { steps: claims.length },
      'handlers did not end when they were told to; their steps are given back',
    );
    await releaseSteps(database, claims, { reason: 'shutdown' }).catch((error: unknown) =>
      log.debug({ err: toError(error).message }, 'not given back'),
    );
  };

  const claimingLoop = keepClaiming();
  const renewing = keepRenewing();

  return {
    id: () => workerId,
    holds: () => attempts.size,
    works: () => [...attempts.values()].filter(({ worked }) => !worked).length,
    async stop(graceMs, hurry) {
      claiming.abort();
      await claimingLoop;
      const all = () => Promise.all([...attempts.values()].map((attempt) => attempt.done));
      const grace = new AbortController();
      if (hurry?.aborted) grace.abort();
      hurry?.addEventListener('abort', () => grace.abort(), { once: true });
      await Promise.race([all(), sleep(graceMs, grace.signal)]);
      grace.abort();
      for (const attempt of attempts.values()) abort(attempt, 'shutdown');
      closing.abort();
      for (const stopHint of stopHints) stopHint();
      const ended = new AbortController();
      await Promise.race([Promise.all([all(), renewing, keeper.stop()]), sleep(ABORT_MS, ended.signal)]);
      ended.abort();
      await releaseDeaf();
      await retireWorker(database, workerId).catch((error: unknown) =>
        log.debug({ err: toError(error).message }, 'not retired'),
      );
    },
  };
}

function slotsOf(handlers: Handlers, configured: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(handlers).map(([kind, handler]) => [kind, configured[kind] ?? handler.slots]),
  );
}

function freeSlots(slots: Record<string, number>, attempts: Map<string, Attempt>): FreeSlots {
  const free: FreeSlots = { ...slots };
  let ended = 0;
  for (const { claim, worked } of attempts.values()) {
    if (worked) ended++;
    else free[claim.kind] = (free[claim.kind] ?? 0) - 1;
  }
  return ended < MOST_ENDED ? free : {};
}
