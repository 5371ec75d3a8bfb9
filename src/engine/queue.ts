import type { Database, Db } from '../db/database.ts';
import { claimLanes } from './claim.ts';
import { findLanes, peekLanes, type ReadyLane } from './lanes.ts';
import { type Limits, limitOfAgent, lockRoom, readLimits } from './limits.ts';
import type { Claim, FreeSlots, Lane, LaneShare } from './schema.ts';

/** Leaves some agents out, or takes of some alone. */
export type Agents = { not?: readonly string[]; only?: readonly string[] };

/** Where steps are claimed: the highest priority first, within it agents in turn, each agent's oldest first. */
export type Queue = {
  /** Whether there is something to claim of these kinds, as far as we know after a look. */
  hasReady(kinds: readonly string[]): Promise<boolean>;
  /** At most `free` steps of each kind. */
  claim(workerId: string, free: FreeSlots, agents?: Agents): Promise<Claim[]>;
  /** Milliseconds until it is worth asking again for what was asked since the last call and not looked at. */
  restMs(): number;
};

type KnownLane = Lane & {
  /** Nothing before it was ready when we looked. */
  from_no: number;
  /** It had more when we last saw it. */
  ready: boolean;
  /** When it last had its turn, by a count of all turns. */
  turn: number;
};

/** A full look costs what dead index entries it meets; so it may take a twentieth of the time, and no more. */
const REST_PER_LOOK = 20;
const LEAST_REST_MS = 10;
/** A look that took long because the database stood still says nothing about the next one. */
const MOST_REST_MS = 5_000;
const MOST_LANES = 2_000;

/**
 * What a process remembers of the queue, so that a claim enters the index where work is.
 *
 * A long-held snapshot keeps the index entries of everything claimed since, and a claim that started at the
 * front would pass over all of them. So each lane has a low-water mark. What can appear below it (a late commit,
 * a step given back) and lanes not seen before are found by a full look, which is made ever more rarely the more
 * it costs; in between only the known lanes are looked at, from their marks on.
 */
export function makeQueue(database: Database, clock: () => number = () => performance.now()): Queue {
  const lanes = new Map<string, KnownLane>();
  let turns = 0;
  const lookedAt = new Map<string, number>();
  let lookMs = 0;
  /** Kinds that were asked for and not looked at. */
  const skipped = new Set<string>();
  let limits: Limits | null = null;

  const lookIsDueIn = (kinds: readonly string[]): number => {
    const oldest = Math.min(...kinds.map((kind) => lookedAt.get(kind) ?? -Infinity));
    const rest = Math.min(MOST_REST_MS, Math.max(LEAST_REST_MS, lookMs * REST_PER_LOOK));
    return oldest + rest - clock();
  };

  const isReady = (kinds: readonly string[]) =>
    [...lanes.values()].some((lane) => lane.ready && kinds.includes(lane.kind));

  /** A full look when one is due. @returns whether it was made */
  const lookIfDue = async (kinds: readonly string[]): Promise<boolean> => {
    const isDue = lookIsDueIn(kinds) <= 0;
    if (isDue) await lookEverywhere(kinds);
    else for (const kind of kinds) skipped.add(kind);
    return isDue;
  };

  const lookEverywhere = async (kinds: readonly string[]): Promise<void> => {
    const began = clock();
    const [found, known] = await Promise.all([findLanes(database, kinds), readLimits(database)]);
    const now = clock();
    lookMs = now - began;
    limits = known;
    for (const kind of kinds) {
      lookedAt.set(kind, now);
      skipped.delete(kind);
    }
    if (lanes.size > MOST_LANES) lanes.clear();
    for (const lane of lanes.values()) if (kinds.includes(lane.kind)) lane.ready = false;
    for (const lane of found) remember(lane);
  };

  const lookAtKnown = async (kinds: readonly string[]): Promise<void> => {
    const idle = [...lanes.values()].filter((lane) => !lane.ready && kinds.includes(lane.kind));
    if (idle.length > 0) for (const lane of await peekLanes(database, idle)) remember(lane);
  };

  const remember = ({ kind, priority, agent_id, queue_no }: ReadyLane) => {
    const key = `${kind}\n${priority}\n${agent_id}`;
    const turn = lanes.get(key)?.turn ?? 0;
    lanes.set(key, { kind, priority, agent_id, from_no: queue_no, ready: true, turn });
  };

  const choose = (free: FreeSlots, { not, only }: Agents): Map<KnownLane, LaneShare> => {
    const shares = new Map<KnownLane, LaneShare>();
    const allowed = [...lanes.values()].filter(
      (lane) => lane.ready && !not?.includes(lane.agent_id) && (only?.includes(lane.agent_id) ?? true),
    );
    for (const [kind, slots] of Object.entries(free)) {
      const ofKind = allowed.filter((lane) => lane.kind === kind);
      const priority = Math.max(...ofKind.map((lane) => lane.priority));
      const inTurn = ofKind
        .filter((lane) => lane.priority === priority)
        .sort((a, b) => a.turn - b.turn)
        .slice(0, Math.max(0, slots));
      for (const [place, lane] of inTurn.entries()) {
        const share = Math.floor(slots / inTurn.length) + (place < slots % inTurn.length ? 1 : 0);
        const { from_no, agent_id } = lane;
        shares.set(lane, { kind, priority, agent_id, from_no, share });
      }
    }
    return shares;
  };

  /** What the limits leave of the shares; what they leave nothing of waits for the next look. */
  const withinRoom = async (tx: Db, known: Limits, shares: Map<KnownLane, LaneShare>) => {
    const wanted = [...shares.values()];
    const room = await lockRoom(tx, known, {
      kinds: wanted.map((share) => share.kind),
      agents: wanted.map((share) => share.agent_id),
    });
    const taken = new Map<string, number>();
    return wanted.map((share) => {
      const names = [`kind ${share.kind}`, `agent ${share.agent_id}`] as const;
      const left = Math.min(
        room.kind(share.kind) - (taken.get(names[0]) ?? 0),
        room.agent(share.agent_id) - (taken.get(names[1]) ?? 0),
      );
      const most = Math.max(0, Math.min(share.share, left));
      for (const name of names) taken.set(name, (taken.get(name) ?? 0) + most);
      return { ...share, share: most };
    });
  };

  const take = (workerId: string, shares: Map<KnownLane, LaneShare>): Promise<Claim[]> => {
    const wanted = [...shares.values()];
    const known = limits;
    const limited =
      known !== null &&
      wanted.some((one) => one.kind in known.kinds || limitOfAgent(known, one.agent_id) < Infinity);
    if (!limited) return claimLanes(database, workerId, wanted, known);
    return database.transaction(async (tx) => {
      const allowed = await withinRoom(tx, known, shares);
      return claimLanes(tx, workerId, allowed, known);
    });
  };

  const note = (shares: Map<KnownLane, LaneShare>, claims: Claim[]) => {
    for (const [lane, { share }] of shares) {
      const own = claims.filter(
        (claim) =>
          claim.kind === lane.kind && claim.priority === lane.priority && claim.agent_id === lane.agent_id,
      );
      lane.ready = own.length === share;
      const last = own.at(-1);
      if (!last) continue;
      lane.from_no = last.queue_no + 1;
      lane.turn = ++turns;
    }
  };

  return {
    restMs() {
      const ms = skipped.size === 0 ? Infinity : Math.max(0, lookIsDueIn([...skipped]));
      skipped.clear();
      return ms;
    },
    async hasReady(kinds) {
      if (!(await lookIfDue(kinds)) && !isReady(kinds)) await lookAtKnown(kinds);
      return isReady(kinds);
    },
    async claim(workerId, free, agents = {}) {
      const wanted = Object.fromEntries(Object.entries(free).filter(([, slots]) => slots > 0));
      const kinds = Object.keys(wanted).sort();
      if (kinds.length === 0) return [];
      let looked = await lookIfDue(kinds);
      const claims: Claim[] = [];
      for (;;) {
        const shares = choose(wanted, agents);
        if (shares.size > 0) {
          const taken = await take(workerId, shares).catch((error: unknown) => {
            // What was claimed before it is not lost for it.
            if (claims.length === 0) throw error;
            return [];
          });
          note(shares, taken);
          claims.push(...taken);
          for (const { kind } of taken) wanted[kind] = (wanted[kind] ?? 0) - 1;
        } else if (looked || claims.length > 0) return claims;
        else {
          looked = true;
          await lookAtKnown(kinds);
        }
      }
    },
  };
}
