import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Change, makeChanges, makeReplay } from './replay.ts';
import { DEFAULT_POLICY, type Policy } from './schema.ts';

type Given = { agent_id: string; kind: string; day: string };

/** Puts the same proposals before two policies. */
function compare(given: Given[], before: Policy, after: Policy) {
  const [old, other, changes] = [makeReplay(before), makeReplay(after), makeChanges()];
  for (const [index, { day, ...proposal }] of given.entries())
    changes.add(String(index), old.put(proposal, day), other.put(proposal, day));
  return { old, other, changes: changes.list() };
}

const of = (kind: string, count: number, day = '2026-01-01'): Given[] =>
  Array.from({ length: count }, () => ({ agent_id: 'pm', kind, day }));

const small = fc.integer({ min: 0, max: 6 });
const policies = fc
  .record({
    agent: small,
    total: small,
    content: small,
    quota: small,
    enabled: fc.boolean(),
    exec: fc.boolean(),
  })
  .map(
    ({ agent, total, content, quota, enabled, exec }): Policy => ({
      ...DEFAULT_POLICY,
      daily_caps: { timezone: 'UTC', per_agent: agent, total },
      kind_caps: { content },
      tweet_quota: { max_per_day: quota },
      auto_approve: { enabled, kinds: ['analysis', 'content'] },
      exec_policy: { ...DEFAULT_POLICY.exec_policy, enabled: exec },
    }),
  );
const proposals = fc.array(
  fc.record({
    agent_id: fc.constantFrom('pm', 'qa'),
    kind: fc.constantFrom('analysis', 'content', 'tweet', 'exec', '__proto__'),
    day: fc.constantFrom('2026-01-01', '2026-01-02'),
  }),
  { maxLength: 40 },
);

test('under the same policy nothing fares otherwise', () => {
  fc.assert(
    fc.property(proposals, policies, (given, policy) => {
      const { old, other, changes } = compare(given, policy, structuredClone(policy));
      expect(changes).toEqual([]);
      expect([other.totals(), other.steps()]).toEqual([old.totals(), old.steps()]);
    }),
  );
});

test('whatever the policies: each proposal has one outcome, the changes are the difference, no cap is overrun', () => {
  fc.assert(
    fc.property(proposals, policies, policies, (given, before, after) => {
      const { old, other, changes } = compare(given, before, after);
      const [was, is] = [old.totals(), other.totals()];
      for (const totals of [was, is])
        expect(totals.auto_approved + totals.pending + totals.refused).toBe(given.length);
      const moved = (outcome: Change['from']) =>
        changes.reduce(
          (sum, { from, to, count }) => sum + count * (Number(to === outcome) - Number(from === outcome)),
          0,
        );
      for (const outcome of ['auto_approved', 'pending', 'refused'] as const)
        expect(was[outcome] + moved(outcome)).toBe(is[outcome]);
      expect(is.auto_approved + is.pending).toBeLessThanOrEqual(2 * after.daily_caps.total);
    }),
  );
});

test('a cap is counted anew each day, and the gate that refuses is named', () => {
  const after: Policy = { ...DEFAULT_POLICY, kind_caps: { content: 2 } };
  const given = [...of('content', 3), ...of('content', 3, '2026-01-02'), ...of('analysis', 1)];
  const { other, changes } = compare(given, DEFAULT_POLICY, after);
  expect(changes).toEqual([
    { from: 'pending', to: 'refused', gate: 'kind_caps', count: 2, examples: ['5', '2'] },
  ]);
  expect(other.totals()).toEqual({ auto_approved: 1, pending: 4, refused: 2 });
});

test('the most frequent change comes first, and its examples are the newest five', () => {
  const after: Policy = { ...DEFAULT_POLICY, auto_approve: { enabled: true, kinds: ['deploy'] } };
  const { changes } = compare([...of('deploy', 1), ...of('analysis', 7)], DEFAULT_POLICY, after);
  expect(changes.map(({ from, to, count, examples }) => [from, to, count, examples])).toEqual([
    ['auto_approved', 'pending', 7, ['7', '6', '5', '4', '3']],
    ['pending', 'auto_approved', 1, ['0']],
  ]);
});

test('another plan shows in the steps of what is not refused', () => {
  const after: Policy = { ...DEFAULT_POLICY, plans: { content: ['generate'] }, kind_caps: { deploy: 0 } };
  const { old, other } = compare([...of('content', 2), ...of('deploy', 1)], DEFAULT_POLICY, after);
  expect(old.steps()).toEqual({ analyze: 3, generate: 2, publish: 3, review: 3 });
  expect(other.steps()).toEqual({ generate: 2 });
});
