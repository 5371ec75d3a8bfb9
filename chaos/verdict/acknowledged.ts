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
  const titles = new Set(facts.proposals.map(({ title }) => title));
  const decided = new Set(
    facts.log
      .filter((event) => causeOf(event) !== 'policy')
      .map(({ kind, entity_id }) => `${kind} ${entity_id}`),
  );
  const retried = new Set(facts.missions.map(({ retry_of }) => retry_of));
  /** Whether what was refused has happened all the same. */
  const isDoneAnyway: Record<string, (value: Value) => boolean> = {
    propose: ({ key }) => titles.has(String(key)),
    approve: ({ proposal }) => decided.has(`proposal.approved ${proposal}`),
    reject: ({ proposal }) => decided.has(`proposal.rejected ${proposal}`),
    cancel: ({ mission }) => missions.get(String(mission))?.failure?.class === 'cancelled',
    retry: ({ mission }) => retried.has(String(mission)),
    'set-policy': ({ minutes }) => policies.has(minutes),
    complete: ({ claim }) => completedBy.has(claim),
  };

  const wereAllRefused = findRefused(entries);
  return entries.flatMap(({ type, f, value, index, client }) => {
    const told = `${f} of ${client} (entry ${index}, ${JSON.stringify(value)})`;
    if (type === 'ok' && isKept[f]?.(value) === false)
      return [{ rule: 'acknowledged', what: `${told} was acknowledged and is not in the tables` }];
    if (type === 'fail' && isDoneAnyway[f]?.(value) === true && wereAllRefused(f, value))
      return [{ rule: 'refused', what: `${told} was refused and has happened` }];
    return [];
  });
}

/** What an operation is about: who asks for the same twice means the same thing. */
const ABOUT: Record<string, string> = {
  propose: 'key',
  approve: 'proposal',
  reject: 'proposal',
  cancel: 'mission',
  retry: 'mission',
  'set-policy': 'minutes',
  complete: 'claim',
};

/**
 * What was refused may have happened because somebody else asked for the same, or because it was sent before without
 * an answer. When everybody who asked was refused, nobody has done it.
 */
function findRefused(entries: readonly Entry[]): (f: string, value: Value) => boolean {
  const open = new Map<string, number>();
  const name = (f: string, value: Value) => `${f} ${value[ABOUT[f] ?? '']}`;
  for (const { type, f, value } of entries) {
    const change = type === 'invoke' ? 1 : type === 'fail' ? -1 : 0;
    open.set(name(f, value), (open.get(name(f, value)) ?? 0) + change);
  }
  return (f, value) => open.get(name(f, value)) === 0;
}

function causeOf({ payload }: Facts['log'][number]): unknown {
  return (payload?.cause as { by?: unknown } | undefined)?.by;
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
