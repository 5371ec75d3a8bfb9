import { createRoute } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { readAttention } from '../../overview/attention.ts';
import { readLoop } from '../../overview/counts.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { json } from '../schemas/common.ts';
import { Attention, LoopCounts } from '../schemas/overview.ts';

const loop = createRoute({
  method: 'get',
  path: '/api/ops/loop',
  summary: 'Say how much of everything is where in the loop',
  ...needs('read'),
  responses: { 200: json(LoopCounts, 'Counts of what is open, and of today') },
});

const attention = createRoute({
  method: 'get',
  path: '/api/ops/attention',
  summary: 'Say what a human must look at, what does not move and why, and what runs',
  ...needs('read'),
  responses: { 200: json(Attention, 'What waits, what is stuck, what runs') },
});

export function overviewRoutes(app: App) {
  return makeRouter()
    .openapi(loop, async (c) => c.json(await readLoop(app.database), 200))
    .openapi(attention, async (c) => {
      const [{ needs_human, ...rest }, problems] = await Promise.all([
        readAttention(app.database, app.serving),
        app.problems(),
      ]);
      return c.json(
        { needs_human: { ...needs_human, problems: problems.map(({ message }) => message) }, ...rest },
        200,
      );
    });
}
