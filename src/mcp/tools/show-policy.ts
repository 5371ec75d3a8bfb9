import { z } from 'zod';
import { isAutoApproved, planOf, runsOnce } from '../../policy/gates.ts';
import { parsePolicy } from '../../policy/parse.ts';
import type { Policy } from '../../policy/schema.ts';
import { makeTool } from '../tool.ts';

const Left = z.object({ limit: z.number().int(), left: z.number().int() });
const toLeft = ({ limit, used }: { limit: number; used: number }) => ({
  limit,
  left: Math.max(0, limit - used),
});

const Kind = z.object({
  kind: z.string(),
  approved_by: z
    .enum(['policy', 'human', 'nobody'])
    .describe('policy: at once. human: it waits for one. nobody: it is refused.'),
  steps: z.array(z.string()).describe('What is done, in order.'),
  left_today: z.number().int().nullable().describe('For all agents together; null: no cap of its own.'),
});

export const showPolicy = makeTool({
  name: 'show_policy',
  title: 'Show what you may propose, and what is left today',
  description:
    "The kinds of proposals, which of them are approved at once, what becomes of each, and what is left of today's caps.",
  input: z.strictObject({}),
  output: z.object({
    kinds: z
      .array(Kind)
      .describe('Any other kind can be proposed too: a human decides, and it is one "analyze" step.'),
    you: z
      .object({ agent_id: z.string(), proposals: Left, tokens: Left, paused: z.boolean() })
      .nullable()
      .describe('What is left for you today; null for a key that speaks for no agent.'),
    resets_at: z.string().describe('When the day of all caps ends. ISO 8601, in UTC.'),
  }),
  reads: true,
  async run(_args, { client, agent }) {
    const { ops } = client.api.api;
    const [{ policy: rows }, caps] = await Promise.all([
      client.read(ops.policy.$get()),
      client.read(ops.caps.$get()),
    ]);
    const policy = parsePolicy(Object.fromEntries(rows.map(({ key, value }) => [key, value])));
    const capOf = new Map(caps.kinds.map((cap) => [cap.kind, toLeft(cap)]));
    // An agent's key is told of itself alone, an operator's of everybody.
    const isAgents = caps.proposals === null;
    const you = caps.agents.find(({ agent_id }) => isAgents || agent_id === agent.agent_id);
    const { paused } = policy;
    return {
      kinds: kindsOf(policy, [...capOf.keys()]).map((kind) => ({
        kind,
        approved_by: approverOf(kind, policy, capOf.get(kind)?.limit),
        steps: planOf(kind, policy),
        left_today: capOf.get(kind)?.left ?? null,
      })),
      you: you
        ? {
            agent_id: you.agent_id,
            proposals: toLeft(you.proposals),
            tokens: toLeft(you.tokens),
            paused: paused.enabled || paused.agents.includes(you.agent_id),
          }
        : null,
      resets_at: caps.resets_at,
    };
  },
});

/** Every kind that the policy says something of. */
function kindsOf(policy: Policy, capped: string[]): string[] {
  return [...new Set([...Object.keys(policy.plans), ...policy.auto_approve.kinds, ...capped])].sort();
}

function approverOf(kind: string, policy: Policy, limit = Infinity): 'policy' | 'human' | 'nobody' {
  if (limit === 0 || (runsOnce(kind) && !policy.exec_policy.enabled)) return 'nobody';
  return isAutoApproved(kind, policy) ? 'policy' : 'human';
}
