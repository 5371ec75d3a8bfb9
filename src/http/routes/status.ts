import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { needsNoKey } from '../access.ts';
import { makeRouter } from '../env.ts';
import { json } from '../schemas/common.ts';

const status = createRoute({
  method: 'get',
  path: '/api/status',
  summary: 'Say whether the service is ready',
  ...needsNoKey(),
  responses: { 200: json(z.object({ active: z.boolean() }), 'Whether it is ready') },
});

export function statusRoute(app: App) {
  return makeRouter().openapi(status, (c) => c.json({ active: app.isReady() }, 200));
}
