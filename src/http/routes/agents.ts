import { createRoute, z } from '@hono/zod-openapi';
import { listAgents, setAgent } from '../../agents/agents.ts';
import { AgentInput } from '../../agents/schema.ts';
import type { App } from '../../app.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { AgentParam, body, json } from '../schemas/common.ts';
import { Agent } from '../schemas/installation.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/agents',
  summary: 'List agents; an agent sees itself',
  ...needs('read', { agents: 'own' }),
  responses: { 200: json(z.object({ agents: z.array(Agent) }), 'The agents') },
});

const set = createRoute({
  method: 'put',
  path: '/api/ops/agents/{agent_id}',
  summary: 'Make an agent, or change what is named of it',
  ...needs('admin'),
  request: { params: AgentParam, body: body(strict(AgentInput.shape)) },
  responses: { 200: json(z.object({ agent: Agent }), 'The agent') },
});

export function agentRoutes({ database }: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { agentId } = c.get('caller');
      const agents = await listAgents(database);
      return c.json(
        { agents: agents.filter((agent) => agentId === null || agent.agent_id === agentId) },
        200,
      );
    })
    .openapi(set, async (c) => {
      const { agent_id } = c.req.valid('param');
      const agent = await setAgent(database, agent_id, c.req.valid('json'), c.get('caller').by);
      return c.json({ agent }, 200);
    });
}
