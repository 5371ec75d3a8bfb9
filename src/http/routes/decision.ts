import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { getProposal } from '../../proposals/proposals.ts';
import { Reason } from '../../proposals/schema.ts';
import { decideByLink } from '../../webhooks/links.ts';
import { DECISION_PATH, needsLink } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { Proposal } from '../schemas/rows.ts';
import { LinkedProposal } from '../schemas/webhooks.ts';

const show = createRoute({
  method: 'get',
  path: DECISION_PATH,
  summary: 'Show the proposal that a link decides',
  description: 'The secret of the link, which stands behind the # of its address, is sent as the Bearer.',
  ...needsLink(),
  responses: { 200: json(LinkedProposal, 'The proposal') },
});

const decide = createRoute({
  method: 'post',
  path: DECISION_PATH,
  summary: 'Decide the proposal of a link, which is used up by it',
  ...needsLink(),
  request: {
    body: body(strict({ decision: z.enum(['approve', 'reject']), reason: Reason.optional() })),
  },
  responses: { 200: json(z.object({ proposal: Proposal }), 'The decided proposal') },
});

export function decisionRoutes({ database }: App) {
  return makeRouter()
    .openapi(show, async (c) => {
      const { proposalId, webhook, expiresAt } = c.get('link');
      const {
        id,
        agent_id,
        kind,
        title,
        body: text,
        status,
        created_at,
      } = await getProposal(database, proposalId);
      return c.json(
        {
          proposal: { id, agent_id, kind, title, body: text, status, created_at },
          webhook,
          expires_at: expiresAt.toISOString(),
        },
        200,
      );
    })
    .openapi(decide, async (c) => {
      const { decision, reason = '' } = c.req.valid('json');
      const { proposal } = await decideByLink(database, c.get('link'), { decision, reason });
      return c.json({ proposal }, 200);
    });
}
