import type { Policy } from './schema.ts';

/** The counters a proposal uses, by scope: what was admitted today before it. */
export type Counts = Record<string, number>;

export type Verdict = {
  gate: 'daily_caps.per_agent' | 'daily_caps.total' | 'kind_caps' | 'tweet_quota';
  scope: string;
  limit: number;
  used: number;
  passed: boolean;
};

export type GateResult =
  | { admitted: true; verdicts: Verdict[] }
  | { admitted: false; verdicts: Verdict[]; refusal: Verdict };

/** The counters that admitting this proposal adds one to. */
export function scopesOf(proposal: { agent_id: string; kind: string }): string[] {
  return ['total', `agent:${proposal.agent_id}`, `kind:${proposal.kind}`];
}

/**
 * Puts a proposal before every gate. Pure: with the same policy and counts it gives the same verdicts, so a
 * decision can be recomputed from its row. A count that is missing refuses.
 */
export function runGates(
  proposal: { agent_id: string; kind: string },
  policy: Policy,
  counts: Counts,
): GateResult {
  const kindScope = `kind:${proposal.kind}`;
  const kindCap = Object.hasOwn(policy.kind_caps, proposal.kind)
    ? policy.kind_caps[proposal.kind]
    : undefined;
  const verdicts = [
    judge('daily_caps.per_agent', `agent:${proposal.agent_id}`, policy.daily_caps.per_agent, counts),
    judge('daily_caps.total', 'total', policy.daily_caps.total, counts),
    ...(kindCap === undefined ? [] : [judge('kind_caps', kindScope, kindCap, counts)]),
    ...(proposal.kind === 'tweet'
      ? [judge('tweet_quota', kindScope, policy.tweet_quota.max_per_day, counts)]
      : []),
  ];
  const refusal = verdicts.find((verdict) => !verdict.passed);
  return refusal ? { admitted: false, verdicts, refusal } : { admitted: true, verdicts };
}

function judge(gate: Verdict['gate'], scope: string, limit: number, counts: Counts): Verdict {
  const used = counts[scope] ?? Number.POSITIVE_INFINITY;
  return { gate, scope, limit, used, passed: used < limit };
}

/** Whether policy itself approves what the gates have admitted. */
export function isAutoApproved(kind: string, policy: Policy): boolean {
  return policy.auto_approve.enabled && policy.auto_approve.kinds.includes(kind);
}

/** The step kinds that a proposal kind stands for. */
export function planOf(kind: string, policy: Policy): string[] {
  return (Object.hasOwn(policy.plans, kind) ? policy.plans[kind] : undefined) ?? ['analyze'];
}
