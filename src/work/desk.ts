import type { Database } from '../db/database.ts';
import { makeQueue, type Queue, type WithClaims } from '../engine/queue.ts';
import type { Claim } from '../engine/schema.ts';
import { type TokenBlocks, tokenBlocks } from '../engine/tokens.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { makeWake } from '../lib/wake.ts';

/** Somebody who waits for steps. */
export type Ask = {
  workerId: string;
  kinds: readonly string[];
  most: number;
  waitMs: number;
  /** Of this agent alone. */
  agentId: string | null;
  /** Aborts when the answer is not wanted any more. */
  signal: AbortSignal;
  /** Writes of the transaction that claims. */
  alongside: WithClaims;
};

/**
 * Where workers over HTTP wait for steps. However many wait, they share one memory of the queue and one look at it:
 * waiting costs no connection and no query of their own. Who came first is served first, some at once.
 */
export type Desk = {
  /** What could be claimed within the time; what comes when nobody wants it any more goes to `unwanted`. */
  wait(ask: Ask): Promise<Claim[]>;
  waiting(): number;
  /** Resolves when no claim is under way any more. */
  settle(): Promise<void>;
};

/** What there is to claim, and who has reached a token cap. */
type Scene = { ready: Set<string>; blocks: TokenBlocks };

type Waiter = { ask: Ask; until: number; answer(claims: Claim[]): void; fail(error: Error): void };

const POLL_MS = 1_000;
/** A look that had to be put off, which the queue does for 2 s at most, is waited for, also by those who do not wait. */
const LOOK_MS = 2_500;
/** Claims under way at once. */
const AT_ONCE = 4;

export function makeDesk(
  database: Database,
  usesModel: (kind: string) => boolean,
  unwanted: (claims: Claim[]) => Promise<void>,
): Desk {
  const queue = makeQueue(database);
  const wake = makeWake();
  const waiters = new Set<Waiter>();
  let running = false;
  let serving = Promise.resolve();
  let turn = 0;
  let listening = false;

  const serveAll = async (): Promise<void> => {
    const kinds = [...new Set([...waiters].flatMap(({ ask }) => ask.kinds))];
    const ready = await queue.ready(kinds);
    if (ready.size === 0) return;
    const blocks = [...ready].some(usesModel)
      ? await tokenBlocks(database)
      : { everybody: false, agents: [] };
    const line = [...waiters].filter(({ ask }) => ask.kinds.some((kind) => ready.has(kind))).values();
    const workOff = async () => {
      for (const waiter of line) if (waiters.has(waiter)) await serve(waiter, { ready, blocks });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, workOff));
  };

  const serve = async (waiter: Waiter, { ready, blocks }: Scene): Promise<void> => {
    const claims: Claim[] = [];
    const kinds = inTurn(
      waiter.ask.kinds.filter((kind) => ready.has(kind)),
      turn++,
    );
    const offers = kinds.map((kind) => ({ kind, capped: usesModel(kind) ? blocks : null }));
    const failed = await claimFor(queue, waiter.ask, offers, claims).then(() => null, toError);
    // One who is gone has been taken off the line.
    if (!waiters.has(waiter)) await unwanted(claims);
    else if (claims.length > 0) waiter.answer(claims);
    else if (failed) waiter.fail(failed);
  };

  const keepServing = async (): Promise<void> => {
    while (waiters.size > 0) {
      queue.changed();
      // Who comes during the look was not looked for.
      const asked = [...waiters];
      try {
        await serveAll();
      } catch (error) {
        for (const waiter of asked) if (waiters.has(waiter)) waiter.fail(toError(error));
      }
      const restMs = queue.restMs();
      const now = performance.now();
      for (const waiter of asked)
        if (waiters.has(waiter) && now >= waiter.until + (restMs === Infinity ? 0 : LOOK_MS))
          waiter.answer([]);
      const soonest = Math.min(...[...waiters].map(({ until }) => (until > now ? until - now : LOOK_MS)));
      if (waiters.size > 0) await wake.wait(Math.max(1, Math.min(jittered(POLL_MS), restMs, soonest)));
    }
    running = false;
  };

  /** Where nobody ever waits, hints are not listened for. */
  const listen = () => {
    if (listening) return;
    listening = true;
    for (const topic of ['steps', 'policy'] as const) database.hints.on(topic, wake.call);
  };

  return {
    waiting: () => waiters.size,
    settle: () => serving,
    wait(ask) {
      return new Promise((resolve, reject) => {
        if (ask.signal.aborted) return resolve([]);
        listen();
        const leave = () => {
          waiters.delete(waiter);
          ask.signal.removeEventListener('abort', giveUp);
        };
        const giveUp = () => waiter.answer([]);
        const waiter: Waiter = {
          ask,
          until: performance.now() + ask.waitMs,
          answer(claims) {
            leave();
            resolve(claims);
          },
          fail(error) {
            leave();
            reject(error);
          },
        };
        ask.signal.addEventListener('abort', giveUp);
        waiters.add(waiter);
        if (running) return wake.call();
        running = true;
        serving = keepServing();
      });
    },
  };
}

/** Puts into `claims` what there is for somebody, kind by kind. */
async function claimFor(
  queue: Queue,
  { workerId, most, agentId, alongside }: Ask,
  offers: { kind: string; capped: TokenBlocks | null }[],
  claims: Claim[],
): Promise<void> {
  for (const { kind, capped } of offers) {
    if (capped?.everybody) continue;
    const agents = {
      ...(capped ? { not: capped.agents } : {}),
      ...(agentId === null ? {} : { only: [agentId] }),
    };
    // Each claim takes of one priority; it is made again while it finds something.
    for (let before = -1; before < claims.length && claims.length < most; ) {
      before = claims.length;
      const keep = (more: Claim[]) => void claims.push(...more);
      await queue.claim(workerId, { [kind]: most - claims.length }, keep, agents, alongside);
    }
  }
}

/** Each time another one comes first, so that none starves. */
function inTurn<T>(items: T[], turn: number): T[] {
  const first = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
