import { type Finding, type LoggedEvent, type Rule, RULES } from './schema.ts';

/** Enough to see what went wrong; the counts tell how much did. */
const MOST_KEPT = 100;

export type RuleResult = {
  rule: Rule;
  says: string;
  /** How many things it was held against. */
  checked: number;
  findings: number;
};

/** What of an event a finding names. */
export type Named = Pick<LoggedEvent, 'seq' | 'id' | 'kind'>;

/** Gathers what the rules find. */
export type Findings = {
  /** Says that a rule was held against so many things. */
  looked(rule: Rule, things: number): void;
  add(rule: Rule, about: { entity: string; id: string }, what: string, events?: Named[]): void;
  results(): RuleResult[];
  kept(): Finding[];
  count(): number;
};

export function makeFindings(): Findings {
  const checked = new Map<Rule, number>();
  const found = new Map<Rule, number>();
  const kept: Finding[] = [];
  const sum = (counts: Map<Rule, number>, rule: Rule, n: number) =>
    counts.set(rule, (counts.get(rule) ?? 0) + n);
  return {
    looked: (rule, things) => void sum(checked, rule, things),
    add(rule, { entity, id }, what, events = []) {
      sum(found, rule, 1);
      if (kept.length >= MOST_KEPT) return;
      const named = events.map(({ seq, id: eventId, kind }) => ({ seq, id: eventId, kind }));
      kept.push({ rule, entity, id, what, events: named });
    },
    results: () =>
      (Object.keys(RULES) as Rule[]).map((rule) => ({
        rule,
        says: RULES[rule],
        checked: checked.get(rule) ?? 0,
        findings: found.get(rule) ?? 0,
      })),
    kept: () => kept,
    count: () => [...found.values()].reduce((total, n) => total + n, 0),
  };
}
