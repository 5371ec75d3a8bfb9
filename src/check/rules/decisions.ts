import { isDeepStrictEqual } from 'node:util';
import { type Counts, isAutoApproved, planOf, runGates } from '../../policy/gates.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Decision } from '../../proposals/schema.ts';
import { said } from '../compare.ts';
import type { Findings } from '../findings.ts';
import type { PolicySet } from '../queries.ts';
import { stepsOf } from '../replay.ts';
import type { LoggedEvent } from '../schema.ts';
import type { Thread } from '../thread.ts';

/** All that each key of the policy has been, in its order. */
type PolicyHistory = ReadonlyMap<string, PolicySet[]>;

export type PolicyGround = {
  history: PolicyHistory;
  /** Policies that proposals were decided by, by their digests. */
  snapshots: Map<string, unknown>;
};

/** A pause waits for no decision, as none reads it: a row may keep the one of the moment before. */
const NOT_READ = 'paused';

/** Decides each proposal once more, by the policy that its row keeps, which must be the one of that time. */
export function checkDecisions(thread: Thread, ground: PolicyGround, findings: Findings): void {
  const about = { entity: 'proposal', id: thread.id };
  const row = thread.stored.proposals.get(thread.id);
  const [created] = thread.events.filter(({ kind }) => kind === 'proposal.created');
  if (!row || !created) return;
  findings.looked('decisions', 1);
  const policy = ground.snapshots.get(String(row.policy_snapshot)) as Policy | undefined;
  const decision = (created.payload?.set as { decision?: Decision } | undefined)?.decision;
  if (!policy || !decision) {
    findings.add('decisions', about, 'It was decided without a policy.', [created]);
    return;
  }
  for (const [key, value] of policyAt(ground.history, created))
    if (
      key !== NOT_READ &&
      Object.hasOwn(policy, key) &&
      !isDeepStrictEqual(policy[key as keyof Policy], value)
    )
      findings.add('decisions', about, `Its policy ${key} is not the one of that time.`, [created]);

  const wrong = decideAgain(row as { agent_id: string; kind: string }, policy, decision, thread.events);
  if (wrong !== null) findings.add('decisions', about, wrong, [created]);
  checkPlans(thread, ground.history, findings);
}

function decideAgain(
  proposal: { agent_id: string; kind: string },
  policy: Policy,
  decision: Decision,
  events: LoggedEvent[],
): string | null {
  const counts: Counts = Object.fromEntries(decision.verdicts.map(({ scope, used }) => [scope, used]));
  const again = runGates(proposal, policy, counts);
  if (!isDeepStrictEqual(again.verdicts, decision.verdicts))
    return 'The gates say something else with the same policy and counts.';
  const action = !again.admitted
    ? 'rejected'
    : isAutoApproved(proposal.kind, policy)
      ? 'approved'
      : 'admitted';
  if (action !== decision.action)
    return `By its policy and counts it is ${action}, and it was ${decision.action}.`;
  const next = events.find(({ kind }) => kind === 'proposal.approved' || kind === 'proposal.rejected');
  const by = (next?.payload?.cause as { by?: unknown } | undefined)?.by;
  if (action === 'admitted' ? by === 'policy' : by !== 'policy' || next?.kind !== `proposal.${action}`)
    return `It was ${action} by policy, and then ${next?.kind ?? 'left pending'} by ${said(by ?? 'nobody')}.`;
  return null;
}

/** A mission's steps are the plan of the policy at the time of the approval. */
function checkPlans({ id, events, stored }: Thread, history: PolicyHistory, findings: Findings): void {
  const created = events.find(
    ({ kind, payload }) =>
      kind === 'mission.created' && (payload?.set as { retry_of?: unknown } | undefined)?.retry_of === null,
  );
  const plans = created && policyAt(history, created).get('plans');
  if (!created || !plans) return;
  const planned = planOf(String(stored.proposals.get(id)?.kind), { plans } as Policy);
  const kinds = stepsOf(created.payload).map((step) => step.kind);
  if (!isDeepStrictEqual(kinds, planned))
    findings.add(
      'decisions',
      { entity: 'mission', id: created.entity_id ?? '' },
      `Its steps are ${kinds.join(', ')}; the plan was ${planned.join(', ')}.`,
      [created],
    );
}

/** The policy when an event happened, by key. */
function policyAt(history: PolicyHistory, { seq, id }: LoggedEvent): Map<string, unknown> {
  const isEarlier = (set: PolicySet) =>
    set.seq === null ? seq === null && set.id < id : seq === null || set.seq < seq;
  const values = new Map<string, unknown>();
  for (const [key, sets] of history) {
    const last = lastWhere(sets, isEarlier);
    if (last) values.set(key, last.value);
  }
  return values;
}

/** The last of the items at whose beginning something holds. Halved: a history can be long. */
function lastWhere<T>(items: T[], holds: (item: T) => boolean): T | undefined {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(items[middle] as T)) from = middle + 1;
    else to = middle;
  }
  return items[from - 1];
}
