import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAutoApproved, planOf, runGates, scopesOf } from './gates.ts';
import { DEFAULT_POLICY, POLICY_SCHEMAS, type Policy } from './schema.ts';

const counts = (used: number, subject = { agent_id: 'a', kind: 'content' }) =>
  Object.fromEntries(scopesOf(subject).map((scope) => [scope, used]));

test('a gate that cannot decide refuses: a count that is missing counts as full', () => {
  const result = runGates({ agent_id: 'a', kind: 'content' }, DEFAULT_POLICY, {});
  expect(result.admitted).toBe(false);
});

test('every gate is judged, and the first that refuses is named', () => {
  const policy: Policy = { ...DEFAULT_POLICY, kind_caps: { content: 3 } };
  const result = runGates({ agent_id: 'a', kind: 'content' }, policy, counts(3));
  expect(result).toMatchObject({ admitted: false, refusal: { gate: 'kind_caps', limit: 3, used: 3 } });
  expect(result.verdicts).toHaveLength(3);
});

test('a kind that is called like a member of every object has no cap and the default plan', () => {
  for (const kind of ['constructor', 'toString', '__proto__']) {
    expect(
      runGates({ agent_id: 'a', kind }, DEFAULT_POLICY, counts(0, { agent_id: 'a', kind })).admitted,
    ).toBe(true);
    expect(planOf(kind, DEFAULT_POLICY)).toEqual(['analyze']);
    expect(isAutoApproved(kind, DEFAULT_POLICY)).toBe(false);
  }
});

test('whatever the policy and the counts: admitted exactly when every count is below its limit', () => {
  const cap = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(
      cap,
      cap,
      cap,
      cap,
      cap,
      cap,
      fc.constantFrom('tweet', 'content', 'other'),
      (agent, total, kindCap, quota, used, mine, kind) => {
        const policy: Policy = {
          ...DEFAULT_POLICY,
          daily_caps: { timezone: 'UTC', per_agent: agent, total },
          kind_caps: { content: kindCap },
          tweet_quota: { max_per_day: quota },
        };
        const given = { total: used, 'agent:a': mine, [`kind:${kind}`]: mine };
        const limits = [used < total, mine < agent];
        if (kind === 'content') limits.push(mine < kindCap);
        if (kind === 'tweet') limits.push(mine < quota);
        expect(runGates({ agent_id: 'a', kind }, policy, given).admitted).toBe(limits.every(Boolean));
      },
    ),
  );
});

test('the policy of a fresh database fits its own schemas', () => {
  for (const [key, schema] of Object.entries(POLICY_SCHEMAS)) {
    expect(schema.safeParse(DEFAULT_POLICY[key as keyof Policy]).success).toBe(true);
  }
});
