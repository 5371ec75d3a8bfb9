import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { applyFleet } from '../../fleet/apply.ts';
import { exportFleet } from '../../fleet/export.ts';
import { Fleet } from '../../fleet/schema.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { AppliedFleet, ExportedFleet } from '../schemas/fleet.ts';

const show = createRoute({
  method: 'get',
  path: '/api/ops/fleet',
  summary: 'Agents, policy, schedules and webhooks as one document; keys and secrets are not in it',
  ...needs('admin'),
  responses: { 200: json(ExportedFleet, 'The installation') },
});

const apply = createRoute({
  method: 'post',
  path: '/api/ops/fleet',
  summary: 'Make the installation what a document says, in one transaction',
  ...needs('admin'),
  request: {
    body: body(
      strict({
        fleet: Fleet,
        dry_run: z.boolean().optional(),
        prune: z.boolean().optional().openapi({
          description: 'Removes schedules and webhooks that the document does not name.',
        }),
      }),
    ),
  },
  responses: { 200: json(AppliedFleet, 'What is different now, or would be') },
});

export function fleetRoutes(app: App) {
  return makeRouter()
    .openapi(show, async (c) => c.json({ fleet: await exportFleet(app.database) }, 200))
    .openapi(apply, async (c) => {
      const { fleet, dry_run: dryRun = false, prune = false } = c.req.valid('json');
      return c.json(await applyFleet(app, fleet, c.get('caller'), { dryRun, prune }), 200);
    });
}
