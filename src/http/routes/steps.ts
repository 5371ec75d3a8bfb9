import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { whyStep } from '../../loop/why.ts';
import { STEP_STATUSES } from '../../steps/schema.ts';
import { getStep, listSteps } from '../../steps/steps.ts';
import { agentFilter, needs, requireOwn } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf, toPage } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { IdFilter, IdParam, json, NameFilter, Next } from '../schemas/common.ts';
import { Step, Why } from '../schemas/rows.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/steps',
  summary: 'List steps, the newest first',
  ...needs('read', { agents: 'own', query: true }),
  request: {
    query: strict({
      status: z.enum(STEP_STATUSES).optional(),
      kind: NameFilter,
      agent_id: NameFilter,
      mission_id: IdFilter,
      ...pageOf(200, 50),
    }),
  },
  responses: { 200: json(z.object({ steps: z.array(Step), next: Next }), 'A page of steps') },
});

const one = createRoute({
  method: 'get',
  path: '/api/ops/steps/{id}',
  summary: 'Show a step',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(z.object({ step: Step }), 'The step') },
});

const why = createRoute({
  method: 'get',
  path: '/api/ops/steps/{id}/why',
  summary: 'Say what moves a step next',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(z.object({ why: Why }), 'What moves it next') },
});

export function stepRoutes({ database, serving }: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { status, kind, agent_id, mission_id, limit, cursor } = c.req.valid('query');
      const agentId = agentFilter(c.get('caller'), agent_id);
      const filter = { status, kind, agentId, missionId: mission_id };
      const beforeId = idOfCursor(cursor);
      const { rows, next } = toPage(await listSteps(database, filter, { beforeId, limit: limit + 1 }), limit);
      return c.json({ steps: rows, next }, 200);
    })
    .openapi(one, async (c) => {
      const step = await getStep(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'step', step);
      return c.json({ step }, 200);
    })
    .openapi(why, async (c) => {
      const step = await getStep(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'step', step);
      return c.json({ why: await whyStep(database, step.id, serving) }, 200);
    });
}
