import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { whyStep } from '../../loop/why.ts';
import { STEP_STATUSES } from '../../steps/schema.ts';
import { getStep, listSteps, shownStep } from '../../steps/steps.ts';
import { agentFilter, needs, requireOwn } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf, toNext } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { IdFilter, IdParam, json, NameFilter, Next, slimWithout, WorkerFilter } from '../schemas/common.ts';
import { Step, Why } from '../schemas/rows.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/steps',
  summary: 'List steps, the newest first',
  description:
    'With `worker_id`, unless with `status=running`, 5,000 rows are looked at for a page, so a page can be short or empty and still have a next one.',
  ...needs('read', { agents: 'own', query: true }),
  request: {
    query: strict({
      status: z.enum(STEP_STATUSES).optional(),
      kind: NameFilter,
      agent_id: NameFilter,
      mission_id: IdFilter,
      worker_id: WorkerFilter,
      slim: slimWithout('input and output'),
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
      const { status, kind, agent_id, mission_id, worker_id, slim, limit, cursor } = c.req.valid('query');
      const agentId = agentFilter(c.get('caller'), agent_id);
      const filter = { status, kind, agentId, missionId: mission_id, workerId: worker_id };
      const page = { beforeId: idOfCursor(cursor), limit, slim };
      const { rows, next } = await listSteps(database, filter, page);
      return c.json({ steps: rows.map(shownStep), next: toNext(next) }, 200);
    })
    .openapi(one, async (c) => {
      const step = await getStep(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'step', step);
      return c.json({ step: shownStep(step) }, 200);
    })
    .openapi(why, async (c) => {
      const step = await getStep(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'step', step);
      return c.json({ why: await whyStep(database, step.id, serving) }, 200);
    });
}
