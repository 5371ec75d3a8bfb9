import type { Database, Db } from '../db/database.ts';
import { claimLanes } from './claim.ts';
import { findLanes, peekLanes, type ReadyLane } from './lanes.ts';
import { isLimited, lockRoom, readRules, type Rules } from './limits.ts';
import type { Claim, FreeSlots, Lane, LaneShare } from './schema.ts';
import { shareOut } from './share.ts';

/** Leaves some agents out, or takes of some alone. */
export type Agents = { not?: readonly string[]; only?: readonly string[] };

/** Writes that belong to claims: in their transaction, which may run more than once, or not at all. */
export type WithClaims = (tx: Db, claims: Claim[]) => Promise<void>;

/** Where steps are claimed: the highest priority first, within it agents in turn, each agent's oldest first. */
export type Queue = {
  /** Something may be there that was not when we last looked. Without it nothing is looked at again. */
  changed(): void;
  /** Of which of these kinds there is something to claim, as far as we know. */
  ready(kinds: readonly string[]): Promise<Set<string>>;
  /**
   * At most `free` steps of each kind, of one priority each; `keep` gets them as they come, so that none waits for
   * the others or is lost when they fail. When it gets none, there is none until something changes.
   */
  claim(
    workerId: string,
    free: FreeSlots,
    keep: (claims: Claim[]) => void,
    agents?: Agents,
    alongside?: WithClaims,
  ): Promise<void>;
  /** Milliseconds until it is worth asking again although nothing changes; infinite when it is not. Tells it once. */
  restMs(): number;
};

type KnownLane = Lane & {
  /** Nothing before it was ready when we looked. */
  from_no: number;
  /** The highest `from_no` it had: where it goes on after what was given back. */
  mark: number;
  /** It had something when we last saw it. */
  ready: boolean;
  /** When it last had its turn, by a count of all turns. */
  turn: number;
};

type Shares = Map<KnownLane, number>;

/** A full look costs what dead index entries it meets, so it may take a twentieth of the time. */
const REST_PER_LOOK = 20;
const LEAST_REST_MS = 10;
/** A look that took long because the database stood still says nothing about the next one. */
const MOST_REST_MS = 2_000;
/** Somebody else is claiming of what is limited; that takes some milliseconds. */
const LOCKED_REST_MS = 20;
const MOST_IDLE_LANES = 2_000;

/**
 * What a process remembers of the queue, so that a claim enters the index where work is.
 *
 * A long-held snapshot keeps the index entries of everything claimed since, and a claim that started at the
 * front would pass over all of them. So each lane has a low-water mark, and most looks ask the known lanes from
 * their marks on. What can appear below a mark (a late commit, a step given back) and lanes not seen before are
 * found by a full look, which is made more rarely the more it costs.
 */
export function makeQueue(database: Database, clock: () => number = () => performance.now()): Queue {
  const lanes = new Map<string, KnownLane>();
  const lookedAt = new Map<string, number>();
  /** Kinds that were fully looked at since the last change. */
  const known = new Set<string>();
  let lookMs = 0;
  let turns = 0;
  let rules: Rules = { limits: null, paused: { enabled: false, agents: [] } };
  let restMs = Infinity;

  const ofKinds = (kinds: readonly string[]) =>
    [...lanes.values()].filter((lane) => kinds.includes(lane.kind));

  const refresh = async (kinds: readonly string[]): Promise<void> => {
    if (kinds.every((kind) => known.has(kind))) return;
    const oldest = Math.min(...kinds.map((kind) => lookedAt.get(kind) ?? -Infinity));
    const rest = Math.min(MOST_REST_MS, Math.max(LEAST_REST_MS, lookMs * REST_PER_LOOK));
    const dueInMs = oldest + rest - clock();
    if (dueInMs <= 0) return lookEverywhere(kinds);
    restMs = Math.min(restMs, dueInMs);
    const idle = ofKinds(kinds).filter((lane) => !lane.ready);
    if (idle.length > 0) for (const lane of await peekLanes(database, idle)) remember(lane);
  };

  const lookEverywhere = async (kinds: readonly string[]): Promise<void> => {
    // What changes while we look may be missed by it.
    for (const kind of kinds) known.add(kind);
    // While nothing waits they are not read: a claim that knows others than policy has takes nothing and reads them.
    const { enabled, agents } = rules.paused;
    const rulesMatter = enabled || agents.length > 0 || [...lanes.values()].some((lane) => lane.ready);
    const began = clock();
    const [found, read] = await Promise.all([
      findLanes(database, kinds),
      rulesMatter ? readRules(database) : rules,
    ]).catch((error: unknown) => {
      known.clear();
      throw error;
    });
    const now = clock();
    lookMs = now - began;
    rules = read;
    for (const kind of kinds) lookedAt.set(kind, now);
    for (const [key, lane] of lanes) {
      if (kinds.includes(lane.kind)) lane.ready = false;
      if (!lane.ready && lanes.size > MOST_IDLE_LANES) lanes.delete(key);
    }
    for (const lane of found) remember(lane);
  };

  const remember = ({ kind, priority, agent_id, queue_no }: ReadyLane) => {
    const key = `${kind}\n${priority}\n${agent_id}`;
    const { mark, turn } = lanes.get(key) ?? { mark: queue_no, turn: 0 };
    lanes.set(key, { kind, priority, agent_id, from_no: queue_no, mark, ready: true, turn });
  };

  const ask = (share: Shares): LaneShare[] =>
    [...share].map(([{ kind, priority, agent_id, from_no }, most]) => ({
      kind,
      priority,
      agent_id,
      from_no,
      share: most,
    }));

  const note = (shares: Shares, claims: Claim[]) => {
    for (const [lane, share] of shares) {
      const own = claims.filter(
        (claim) =>
          claim.kind === lane.kind && claim.priority === lane.priority && claim.agent_id === lane.agent_id,
      );
      const last = own.at(-1);
      if (last) {
        lane.from_no = last.queue_no + 1;
        lane.mark = Math.max(lane.mark, lane.from_no);
        lane.turn = ++turns;
      }
      lane.ready = own.length === share;
      // What was given back below the mark is used up.
      if (!lane.ready) lane.from_no = lane.mark;
    }
  };

  const claimUnlimited = async (
    workerId: string,
    shares: Shares,
    alongside?: WithClaims,
  ): Promise<Claim[]> => {
    if (shares.size === 0) return [];
    const take = (db: Db) => claimLanes(db, workerId, ask(shares), rules.limits);
    const claims = alongside
      ? await database.transaction(async (tx) => withWrites(tx, await take(tx), alongside))
      : await take(database);
    note(shares, claims);
    return claims;
  };

  /** Of what is limited, as much of its slots as there is room for. */
  const claimLimited = async (workerId: string, shares: Shares, alongside?: WithClaims): Promise<Claim[]> => {
    if (shares.size === 0) return [];
    const offered = [...shares.keys()];
    const within: Shares = new Map();
    let isContended = false;
    const claims = await database.transaction(async (tx) => {
      const { room, contended } = await lockRoom(tx, rules.limits, offered);
      isContended = contended;
      within.clear();
      for (const kind of new Set(offered.map((lane) => lane.kind))) {
        const ofKind = offered.filter((lane) => lane.kind === kind);
        const slots = ofKind.reduce((sum, lane) => sum + (shares.get(lane) ?? 0), 0);
        for (const [lane, share] of shareOut(ofKind, slots, room)) within.set(lane, share);
      }
      if (within.size === 0) return [];
      return withWrites(tx, await claimLanes(tx, workerId, ask(within), rules.limits), alongside);
    });
    for (const lane of offered) lane.ready = false;
    note(within, claims);
    if (isContended) {
      known.clear();
      restMs = Math.min(restMs, LOCKED_REST_MS);
    }
    return claims;
  };

  /** A claim that knows other limits than policy has, or not of a pause, claims nothing and is made again. */
  const readRulesAnew = async (): Promise<void> => {
    const now = await readRules(database);
    if (JSON.stringify(now) !== JSON.stringify(rules)) for (const lane of lanes.values()) lane.ready = true;
    rules = now;
  };

  const mayBeClaimed = ({ ready, agent_id }: KnownLane) =>
    ready && !rules.paused.enabled && !rules.paused.agents.includes(agent_id);

  const offer = (free: FreeSlots, { not, only }: Agents): Shares => {
    const offered = [...lanes.values()].filter(
      (lane) =>
        mayBeClaimed(lane) && !not?.includes(lane.agent_id) && (only?.includes(lane.agent_id) ?? true),
    );
    return new Map(
      Object.entries(free).flatMap(([kind, slots]) => [
        ...shareOut(
          offered.filter((lane) => lane.kind === kind),
          slots,
        ),
      ]),
    );
  };

  return {
    changed: () => known.clear(),
    restMs() {
      const ms = restMs;
      restMs = Infinity;
      return ms;
    },
    async ready(kinds) {
      await refresh(kinds);
      return new Set(
        ofKinds(kinds)
          .filter(mayBeClaimed)
          .map(({ kind }) => kind),
      );
    },
    async claim(workerId, free, keep, agents = {}, alongside) {
      const kinds = Object.keys(free).filter((kind) => (free[kind] ?? 0) > 0);
      if (kinds.length === 0) return;
      await refresh(kinds);
      for (let shares = offer(free, agents); shares.size > 0; shares = offer(free, agents)) {
        const part = (limited: boolean): Shares =>
          new Map([...shares].filter(([lane]) => isLimited(rules.limits, lane) === limited));
        const unlimited = await claimUnlimited(workerId, part(false), alongside);
        if (unlimited.length > 0) keep(unlimited);
        const limited = await claimLimited(workerId, part(true), alongside);
        if (limited.length > 0) keep(limited);
        if (unlimited.length + limited.length > 0) return;
        await readRulesAnew();
      }
    },
  };
}

async function withWrites(tx: Db, claims: Claim[], alongside?: WithClaims): Promise<Claim[]> {
  if (claims.length > 0) await alongside?.(tx, claims);
  return claims;
}
