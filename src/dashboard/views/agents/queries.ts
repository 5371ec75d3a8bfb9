import { queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import type { Answered, Scope } from '../../data/types.ts';

export const DAYS = 14;

/** What each agent did, by day. */
export const agentStatsQuery = queryOptions({
  queryKey: ['stats', 'agents'],
  queryFn: () => read(api.agents.stats.$get({ query: { days: String(DAYS) } })),
});

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: () => read(api.keys.$get({})),
});

export type AgentStats = Answered<(typeof api.agents)['stats']['$get']>['agents'][number];

export type AgentEdit = Partial<Record<'display_name' | 'role' | 'model_override', string | null>>;

export function saveAgent(agentId: string, json: AgentEdit) {
  return read(api.agents[':agent_id'].$put({ param: { agent_id: agentId }, json }));
}

export type NewKey = { name: string; scopes: Scope[]; agent_id: string | null; expires_in_days?: number };

export function createKey(json: NewKey) {
  return read(api.keys.$post({ json }));
}

export function revokeKey(keyId: string) {
  return read(api.keys[':key_id'].$delete({ param: { key_id: keyId } }));
}
