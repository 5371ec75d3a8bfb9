import type { Policy } from './schema.ts';

/** The counters a proposal uses, by scope: what was admitted today before it. */
export type Counts = Record<string, number>;

export type Verdict = {
  gate: 'exec_policy' | 'daily_caps.per_agent' | 'daily_caps.total' | 'kind_caps' | 'tweet_quota';
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
    ...(runsOnce(proposal.kind) ? [judgeExec(policy)] : []),
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

/** Whether the gate opens again by itself when the day ends. */
export function isCap(verdict: Verdict): boolean {
  return verdict.gate !== 'exec_policy';
}

/** A gate's refusal as a sentence that says what to do. */
export function sayRefusal({ gate, scope, limit, used }: Verdict): string {
  if (gate === 'exec_policy')
    return `Commands are off. An operator turns them on with: opsloop policy set exec_policy '{"enabled":true,"approval_files":false,"timeout_seconds":300,"max_output_bytes":100000}'.`;
  return limit === 0
    ? `The gate ${gate} allows none for ${scope}; an operator can change the policy.`
    : `The cap ${gate} allows ${limit} a day for ${scope}, and ${used} are used.`;
}

function judgeExec({ exec_policy: { enabled } }: Policy): Verdict {
  return { gate: 'exec_policy', scope: 'kind:exec', limit: enabled ? 1 : 0, used: 0, passed: enabled };
}

function judge(gate: Verdict['gate'], scope: string, limit: number, counts: Counts): Verdict {
  const used = counts[scope] ?? Number.POSITIVE_INFINITY;
  return { gate, scope, limit, used, passed: used < limit };
}

/** Commands: approved by an operator each time, and never run a second time on the same approval. */
export function runsOnce(kind: string): boolean {
  return kind === 'exec';
}

/** Whether policy itself approves what the gates have admitted. */
export function isAutoApproved(kind: string, policy: Policy): boolean {
  return !runsOnce(kind) && policy.auto_approve.enabled && policy.auto_approve.kinds.includes(kind);
}

/** What a policy that names no plan for them means: any other kind becomes one step "analyze". */
const BUILT_IN_PLANS = new Map([
  ['task', ['task']],
  ['goal', ['plan']],
  ['exec', ['exec']],
]);

/** The step kinds that a proposal kind stands for. */
export function planOf(kind: string, policy: Policy): string[] {
  const named = Object.hasOwn(policy.plans, kind) ? policy.plans[kind] : undefined;
  return named ?? BUILT_IN_PLANS.get(kind) ?? ['analyze'];
}
