import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { heldClaim, needsClaim } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json, optionalBody } from '../schemas/common.ts';
import { CompleteBody, Ended, FailBody, ReleaseBody, Renewed, toCalls } from '../schemas/work.ts';

const params = strict({ claim_id: z.uuid() });
const AGAIN = 'It can be sent again, and says the same again.';

const renew = createRoute({
  method: 'post',
  path: '/api/ops/work/claims/{claim_id}/renew',
  summary: 'Renew the lease of a claim',
  ...needsClaim(),
  request: { params, body: optionalBody(strict({})) },
  responses: { 200: json(Renewed, 'When it ends now, and whether to stop') },
});

const complete = createRoute({
  method: 'post',
  path: '/api/ops/work/claims/{claim_id}/complete',
  summary: 'Complete the step of a claim',
  description: `${AGAIN} A claim that is lost is a 409: nothing is stored, and an event keeps the evidence.`,
  ...needsClaim(),
  request: { params, body: body(CompleteBody) },
  responses: { 200: json(Ended, 'How it ended: a review that rejects has failed') },
});

const fail = createRoute({
  method: 'post',
  path: '/api/ops/work/claims/{claim_id}/fail',
  summary: 'Fail the attempt of a claim',
  description: `${AGAIN} Below the limit of failures the step is tried again, in 5 s to 5 min.`,
  ...needsClaim(),
  request: { params, body: body(FailBody) },
  responses: { 200: json(Ended, 'Whether it was the last attempt') },
});

const release = createRoute({
  method: 'post',
  path: '/api/ops/work/claims/{claim_id}/release',
  summary: 'Give a claim back without spending a failure',
  description: AGAIN,
  ...needsClaim(),
  request: { params, body: body(ReleaseBody) },
  responses: { 200: json(Ended, 'It is back in the queue') },
});

export function workClaimRoutes({ work }: App) {
  return makeRouter()
    .openapi(renew, async (c) => c.json(await work.renew(heldClaim(c)), 200))
    .openapi(complete, async (c) => {
      const { output, usage } = c.req.valid('json');
      return c.json(await work.complete(heldClaim(c), { output, calls: toCalls(usage) }), 200);
    })
    .openapi(fail, async (c) => {
      const { usage, ...failing } = c.req.valid('json');
      const given = { ...failing, output: failing.output, calls: toCalls(usage) };
      return c.json(await work.fail(heldClaim(c), given), 200);
    })
    .openapi(release, async (c) => {
      const { retry_in_seconds, reason, message, usage } = c.req.valid('json');
      const given = { retryInMs: retry_in_seconds, reason, message, calls: toCalls(usage) };
      return c.json(await work.release(heldClaim(c), given), 200);
    });
}
