import { createRoute, z } from '@hono/zod-openapi';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import type { HttpParts } from '../parts.ts';

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics in the text format of Prometheus',
  ...needs('read'),
  responses: { 200: { description: 'The metrics', content: { 'text/plain': { schema: z.string() } } } },
});

export function metricsRoute({ metrics: all }: HttpParts) {
  return makeRouter().openapi(metrics, async (c) => {
    const text = await all.text();
    return c.text(text, 200, { 'Content-Type': all.contentType });
  });
}
