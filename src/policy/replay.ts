import { type Counts, isAutoApproved, planOf, runGates, scopesOf, type Verdict } from './gates.ts';
import type { Policy } from './schema.ts';

export type ReplayOutcome = 'auto_approved' | 'pending' | 'refused';
export type Replayed = { outcome: ReplayOutcome /** That refuses it. */; gate: Verdict['gate'] | null };
export type Totals = Record<ReplayOutcome, number>;

/** What a policy makes of one proposal after the other. */
export type Replay = {
  /** @param day the calendar day it counts on, in the time zone of the policy */
  put(proposal: { agent_id: string; kind: string }, day: string): Replayed;
  totals(): Totals;
  /** Steps by kind that those not refused become when they are approved. */
  steps(): Record<string, number>;
};

/** Puts proposals before the gates of a policy with counters that begin at nothing each day. Pure: it stores nothing. */
export function makeReplay(policy: Policy): Replay {
  const totals: Totals = { auto_approved: 0, pending: 0, refused: 0 };
  // Of each day: one map of all days would now and then take long to grow.
  const days = new Map<string, Map<string, number>>();
  const steps = new Map<string, number>();
  return {
    put(proposal, day) {
      const scopes = scopesOf(proposal);
      const used = days.get(day) ?? new Map<string, number>();
      days.set(day, used);
      const counts: Counts = Object.fromEntries(scopes.map((scope) => [scope, used.get(scope) ?? 0]));
      const result = runGates(proposal, policy, counts);
      if (!result.admitted) {
        totals.refused++;
        return { outcome: 'refused', gate: result.refusal.gate };
      }
      for (const scope of scopes) addOne(used, scope);
      for (const kind of planOf(proposal.kind, policy)) addOne(steps, kind);
      const outcome = isAutoApproved(proposal.kind, policy) ? 'auto_approved' : 'pending';
      totals[outcome]++;
      return { outcome, gate: null };
    },
    totals: () => ({ ...totals }),
    steps: () => Object.fromEntries([...steps].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Proposals that fare otherwise under another policy, in the same way. */
export type Change = {
  from: ReplayOutcome;
  to: ReplayOutcome;
  /** The gate that refuses, under the one policy or the other. */
  gate: Verdict['gate'] | null;
  count: number;
  /** The newest of them. */
  examples: string[];
};

const MOST_EXAMPLES = 5;

/** Gathers what fares otherwise, given in the order of making. */
export function makeChanges(): {
  add(id: string, before: Replayed, after: Replayed): void;
  /** The most frequent first. */
  list(): Change[];
} {
  const found = new Map<string, Change>();
  return {
    add(id, before, after) {
      if (before.outcome === after.outcome) return;
      const gate = after.gate ?? before.gate;
      const name = `${before.outcome} ${after.outcome} ${gate}`;
      const change = found.get(name) ?? {
        from: before.outcome,
        to: after.outcome,
        gate,
        count: 0,
        examples: [],
      };
      change.count++;
      change.examples = [id, ...change.examples].slice(0, MOST_EXAMPLES);
      found.set(name, change);
    },
    list: () => [...found.values()].sort((a, b) => b.count - a.count),
  };
}

function addOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
