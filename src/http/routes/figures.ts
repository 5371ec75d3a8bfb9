import { createRoute, z } from '@hono/zod-openapi';
import { listAgents } from '../../agents/agents.ts';
import type { App } from '../../app.ts';
import { readCaps } from '../../overview/caps.ts';
import { WINDOWS } from '../../tallies/schema.ts';
import { readAgentStats, readStats } from '../../tallies/stats.ts';
import { agentFilter, needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { countUpTo } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { json } from '../schemas/common.ts';
import { AgentStats, Caps, Stats } from '../schemas/figures.ts';

const MOST_DAYS = 90;

const stats = createRoute({
  method: 'get',
  path: '/api/ops/stats',
  summary: 'Say what happened in the last hour or day',
  ...needs('read', { query: true }),
  request: { query: strict({ window: z.enum(WINDOWS).default('hour') }) },
  responses: { 200: json(Stats, 'Buckets of equal length, and their sums') },
});

const agentStats = createRoute({
  method: 'get',
  path: '/api/ops/agents/stats',
  summary: 'Say what each agent did in the last days; an agent sees itself',
  ...needs('read', { agents: 'own', query: true }),
  request: { query: strict({ days: countUpTo(MOST_DAYS, 14, 'How many days, today included.') }) },
  responses: { 200: json(AgentStats, 'Sums, and the same by day') },
});

const caps = createRoute({
  method: 'get',
  path: '/api/ops/caps',
  summary: "Say what is left of today's caps; an agent sees its own",
  ...needs('read', { agents: 'own' }),
  responses: { 200: json(Caps, 'Limits and what is used of them') },
});

export function figureRoutes({ database }: App) {
  return makeRouter()
    .openapi(stats, async (c) => c.json(await readStats(database, c.req.valid('query').window), 200))
    .openapi(agentStats, async (c) => {
      const agentId = agentFilter(c.get('caller'), undefined);
      const known = agentId === undefined ? await listAgents(database) : [{ agent_id: agentId }];
      const agents = known.map((agent) => agent.agent_id);
      const { days } = c.req.valid('query');
      return c.json(await readAgentStats(database, { days, agents, agentId }), 200);
    })
    .openapi(caps, async (c) => c.json(await readCaps(database, c.get('caller').agentId), 200));
}
