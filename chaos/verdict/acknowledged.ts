import type { Entry, Value } from '../clients/history.ts';
import { type Facts, type Finding, setOf } from './facts.ts';

/** What clients were told, against the tables: nothing acknowledged is lost, nothing refused has happened. */
export function findUnkept(entries: readonly Entry[], facts: Facts): Finding[] {
  const proposals = new Map(facts.proposals.map((row) => [row.id, row]));
  const missions = new Map(facts.missions.map((row) => [row.id, row]));
  const steps = new Map(facts.steps.map((row) => [row.id, row]));
  const policies = new Map<unknown, number>();
  for (const event of facts.log) {
    if (event.kind !== 'policy.changed' || event.entity_id !== 'reminders') continue;
    const to = event.payload?.to as { after_minutes?: unknown } | undefined;
    policies.set(to?.after_minutes, (policies.get(to?.after_minutes) ?? 0) + 1);
  }
  const completedBy = new Set(
    facts.log.filter(({ kind }) => kind === 'step.completed').map((event) => setOf(event, 'claim_id')),
  );

  /** Whether what was acknowledged is in the tables, by operation. */
  const isKept: Record<string, (value: Value) => boolean> = {
    propose: ({ proposal, key }) => proposals.get(String(proposal))?.title === key,
    approve: ({ proposal }) =>
      ['approved', 'completed'].includes(proposals.get(String(proposal))?.status ?? ''),
    reject: ({ proposal }) => proposals.get(String(proposal))?.status === 'rejected',
    cancel: ({ mission }) => missions.get(String(mission))?.failure?.class === 'cancelled',
    retry: ({ mission, became }) => missions.get(String(became))?.retry_of === mission,
    'set-policy': ({ minutes }) => policies.get(minutes) === 1,
    complete: ({ step, claim }) =>
      steps.get(String(step))?.status === 'completed' && steps.get(String(step))?.claim_id === claim,
  };
  /** Whether what was refused has happened all the same. */
  const isDoneAnyway: Record<string, (value: Value) => boolean> = {
    'set-policy': ({ minutes }) => policies.has(minutes),
    complete: ({ claim }) => completedBy.has(claim),
  };

  return entries.flatMap(({ type, f, value, index, client }) => {
    const told = `${f} of ${client} (entry ${index}, ${JSON.stringify(value)})`;
    if (type === 'ok' && isKept[f]?.(value) === false)
      return [{ rule: 'acknowledged', what: `${told} was acknowledged and is not in the tables` }];
    if (type === 'fail' && isDoneAnyway[f]?.(value) === true && !wasUnsure(entries, value, f))
      return [{ rule: 'refused', what: `${told} was refused and has happened` }];
    return [];
  });
}

/** What was sent before without an answer may have happened then, and be refused when it is sent again. */
function wasUnsure(entries: readonly Entry[], value: Value, f: string): boolean {
  return entries.some(
    (entry) =>
      entry.type === 'info' && entry.f === f && JSON.stringify(entry.value) === JSON.stringify(value),
  );
}

/** One key is one proposal, however often and wherever it was sent. */
export function findDoubled(entries: readonly Entry[], facts: Facts): Finding[] {
  const answers = new Map<string, Set<unknown>>();
  for (const { type, f, value } of entries) {
    if (f !== 'propose' || type !== 'ok') continue;
    const key = String(value.key);
    answers.set(key, (answers.get(key) ?? new Set()).add(value.proposal));
  }
  const made = new Map<string, number>();
  for (const { title } of facts.proposals) made.set(title, (made.get(title) ?? 0) + 1);
  return [
    ...[...answers]
      .filter(([, ids]) => ids.size > 1)
      .map(([key, ids]) => `the key ${key} was answered with ${ids.size} proposals`),
    ...[...made]
      .filter(([, count]) => count > 1)
      .map(([key, count]) => `the key ${key} made ${count} proposals`),
  ].map((what) => ({ rule: 'idempotency', what }));
}
