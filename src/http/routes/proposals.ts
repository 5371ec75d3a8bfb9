import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { approve, reject } from '../../loop/decide.ts';
import { shownMission } from '../../loop/answer.ts';
import { withSteps } from '../../loop/missions.ts';
import { whyProposal } from '../../loop/why.ts';
import { latestMission } from '../../missions/missions.ts';
import { getProposal, listProposals } from '../../proposals/proposals.ts';
import { Body, PROPOSAL_STATUSES, Reason, Title } from '../../proposals/schema.ts';
import { agentFilter, needs, requireOwn } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf, toNext } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import {
  Flag,
  IdParam,
  json,
  NameFilter,
  Next,
  optionalBody,
  Search,
  SEARCH_NOTE,
  slimWithout,
} from '../schemas/common.ts';
import { Proposal, ProposalWithMission, Why } from '../schemas/rows.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/proposals',
  summary: 'List proposals, the newest first',
  description: SEARCH_NOTE,
  ...needs('read', { agents: 'own', query: true }),
  request: {
    query: strict({
      status: z.enum(PROPOSAL_STATUSES).optional(),
      kind: NameFilter,
      agent_id: NameFilter,
      q: Search,
      oldest: Flag.openapi({
        type: 'boolean',
        default: false,
        description: 'The oldest first; only with `status=pending`.',
      }),
      slim: slimWithout('body, original and policy_snapshot'),
      ...pageOf(200, 50),
    }).refine(({ oldest, status }) => !oldest || status === 'pending', {
      path: ['oldest'],
      error: 'the oldest come first only with status=pending',
    }),
  },
  responses: { 200: json(z.object({ proposals: z.array(Proposal), next: Next }), 'A page of proposals') },
});

const one = createRoute({
  method: 'get',
  path: '/api/ops/proposals/{id}',
  summary: 'Show a proposal with its newest mission',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(ProposalWithMission, 'The proposal') },
});

const why = createRoute({
  method: 'get',
  path: '/api/ops/proposals/{id}/why',
  summary: 'Say what moves a proposal next',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(z.object({ why: Why }), 'What moves it next') },
});

const approval = createRoute({
  method: 'post',
  path: '/api/ops/proposals/{id}/approve',
  summary: 'Approve a pending proposal, as it is or edited',
  ...needs('approve'),
  request: {
    params: IdParam,
    body: optionalBody(
      strict({ reason: Reason.optional(), title: Title.optional(), body: Body.nullable().optional() }),
    ),
  },
  responses: { 200: json(ProposalWithMission, 'The approved proposal and its mission') },
});

const rejection = createRoute({
  method: 'post',
  path: '/api/ops/proposals/{id}/reject',
  summary: 'Reject a pending proposal',
  ...needs('approve'),
  request: { params: IdParam, body: optionalBody(strict({ reason: Reason.optional() })) },
  responses: { 200: json(z.object({ proposal: Proposal }), 'The rejected proposal') },
});

export function proposalRoutes({ database, serving }: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { status, kind, agent_id, q, oldest, slim, limit, cursor } = c.req.valid('query');
      const filter = { status, kind, q, agentId: agentFilter(c.get('caller'), agent_id) };
      const page = { afterId: idOfCursor(cursor), limit, oldestFirst: oldest, slim };
      const { rows, next } = await listProposals(database, filter, page);
      return c.json({ proposals: rows, next: toNext(next) }, 200);
    })
    .openapi(one, async (c) => {
      const proposal = await getProposal(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'proposal', proposal);
      const mission = await latestMission(database, proposal.id);
      const found = mission && (await withSteps(database, mission.id));
      return c.json({ proposal, mission: found && shownMission(found) }, 200);
    })
    .openapi(why, async (c) => {
      const proposal = await getProposal(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'proposal', proposal);
      return c.json({ why: await whyProposal(database, proposal.id, serving) }, 200);
    })
    .openapi(approval, async (c) => {
      const { reason, title, body } = c.req.valid('json');
      const edit = title === undefined && body === undefined ? undefined : { title, body };
      const given = { by: c.get('caller').by, reason, edit };
      const { proposal, mission } = await approve(database, c.req.valid('param').id, given);
      return c.json({ proposal, mission: mission && shownMission(mission) }, 200);
    })
    .openapi(rejection, async (c) => {
      const given = { by: c.get('caller').by, reason: c.req.valid('json').reason };
      const { proposal } = await reject(database, c.req.valid('param').id, given);
      return c.json({ proposal }, 200);
    });
}
