import type { Db } from '../db/database.ts';
import { listAgents } from '../agents/agents.ts';
import { readPolicy } from '../policy/policy.ts';
import type { Policy } from '../policy/schema.ts';
import { selectCounters } from './queries.ts';
import type { Caps, Use } from './schema.ts';

/**
 * What of today's caps is used.
 * @param agentId whose row alone is shown, without what others use together; null: everybody's
 * @throws AppError policy_unreadable
 */
export async function readCaps(db: Db, agentId: string | null): Promise<Caps> {
  const [policy, agents, { used, ...today }] = await Promise.all([
    readPolicy(db),
    listAgents(db),
    selectCounters(db, agentId),
  ]);
  const { daily_caps: daily, token_caps: tokens } = policy;
  const use = (limit: number, scope: string): Use => ({ limit, used: used[scope] ?? 0 });
  const ids = agentId === null ? agents.map((agent) => agent.agent_id) : [agentId];
  return {
    ...today,
    proposals: agentId === null ? use(daily.total, 'total') : null,
    tokens: agentId === null ? use(tokens.total, 'tokens') : null,
    agents: ids.map((id) => ({
      agent_id: id,
      proposals: use(daily.per_agent, `agent:${id}`),
      tokens: use(tokens.per_agent, `tokens:${id}`),
    })),
    kinds: capsOfKinds(policy).map(([kind, limit]) => ({ kind, ...use(limit, `kind:${kind}`) })),
  };
}

/** The cap of each kind that has one; of two the lower one. */
function capsOfKinds({ kind_caps, tweet_quota }: Policy): [string, number][] {
  const tweets = Math.min(tweet_quota.max_per_day, kind_caps.tweet ?? Infinity);
  return Object.entries({ ...kind_caps, tweet: tweets }).sort(([a], [b]) => (a < b ? -1 : 1));
}
