import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import type { HttpParts } from '../parts.ts';
import { body, json } from '../schemas/common.ts';
import { ClaimBody, GivenClaims, LeaveBody, RenewBody, Renewed } from '../schemas/work.ts';

const claim = createRoute({
  method: 'post',
  path: '/api/ops/work/claim',
  summary: 'Claim steps, waiting for them if there are none',
  description:
    "An agent's key claims the steps of its agent alone. No claims: there was nothing within the time.",
  ...needs('work', { agents: 'own' }),
  request: { body: body(ClaimBody) },
  responses: { 200: json(GivenClaims, 'The claims, each with the token that ends it') },
});

const renew = createRoute({
  method: 'post',
  path: '/api/ops/work/renew',
  summary: 'Renew the leases of what a worker holds',
  ...needs('work', { agents: 'own' }),
  request: { body: body(RenewBody) },
  responses: { 200: json(z.object({ claims: z.array(Renewed) }), 'Each claim, and whether to stop') },
});

const leave = createRoute({
  method: 'post',
  path: '/api/ops/work/leave',
  summary: 'End a worker; what it holds goes back to the queue',
  ...needs('work', { agents: 'own' }),
  request: { body: body(LeaveBody) },
  responses: { 200: json(z.object({ released: z.number().int() }), 'How many steps were given back') },
});

export function workRoutes({ work }: App, { closing }: HttpParts) {
  return makeRouter()
    .openapi(claim, async (c) => {
      const { worker, kinds, most, wait_seconds, lease_seconds } = c.req.valid('json');
      const claims = await work.claim({
        caller: c.get('caller'),
        worker,
        version: c.req.header('user-agent')?.slice(0, 64) ?? 'unknown',
        kinds: [...new Set(kinds)],
        most,
        waitMs: wait_seconds,
        leaseMs: lease_seconds,
        gone: c.req.raw.signal,
        closing,
      });
      return c.json({ claims }, 200);
    })
    .openapi(renew, async (c) => {
      const { worker, claims } = c.req.valid('json');
      return c.json({ claims: await work.renewAll(c.get('caller'), worker, claims) }, 200);
    })
    .openapi(leave, async (c) => {
      const released = await work.leave(c.get('caller'), c.req.valid('json').worker);
      return c.json({ released }, 200);
    });
}
