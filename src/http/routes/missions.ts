import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { attemptsOf } from '../../loop/attempts.ts';
import { shownMission } from '../../loop/answer.ts';
import { cancelMission, retryMission, withSteps } from '../../loop/missions.ts';
import { whyMission } from '../../loop/why.ts';
import { getMission, listMissions } from '../../missions/missions.ts';
import { MISSION_STATUSES } from '../../missions/schema.ts';
import { Reason } from '../../proposals/schema.ts';
import { agentFilter, needs, requireOwn } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf, toNext } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import {
  IdFilter,
  IdParam,
  json,
  NameFilter,
  Next,
  optionalBody,
  Search,
  SEARCH_NOTE,
} from '../schemas/common.ts';
import { Attempt, Mission, MissionWithSteps, Why } from '../schemas/rows.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/missions',
  summary: 'List missions, the newest first',
  description: SEARCH_NOTE,
  ...needs('read', { agents: 'own', query: true }),
  request: {
    query: strict({
      status: z.enum(MISSION_STATUSES).optional(),
      agent_id: NameFilter,
      proposal_id: IdFilter,
      q: Search,
      ...pageOf(200, 50),
    }),
  },
  responses: { 200: json(z.object({ missions: z.array(Mission), next: Next }), 'A page of missions') },
});

const one = createRoute({
  method: 'get',
  path: '/api/ops/missions/{id}',
  summary: 'Show a mission with its steps',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(MissionWithSteps, 'The mission') },
});

const attempts = createRoute({
  method: 'get',
  path: '/api/ops/missions/{id}/attempts',
  summary: 'List the attempts of a mission, by step',
  description: 'From the newest 2,000 events and model calls of its steps; `truncated` when there are more.',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: {
    200: json(
      z.object({ attempts: z.array(Attempt), truncated: z.boolean() }),
      'Each claim, how it ended, and what its model calls cost',
    ),
  },
});

const why = createRoute({
  method: 'get',
  path: '/api/ops/missions/{id}/why',
  summary: 'Say what moves a mission next',
  ...needs('read', { agents: 'own' }),
  request: { params: IdParam },
  responses: { 200: json(z.object({ why: Why }), 'What moves it next') },
});

const cancel = createRoute({
  method: 'post',
  path: '/api/ops/missions/{id}/cancel',
  summary: 'End an active mission',
  ...needs('approve'),
  request: { params: IdParam, body: optionalBody(strict({ reason: Reason.optional() })) },
  responses: { 200: json(MissionWithSteps, 'The cancelled mission') },
});

const retry = createRoute({
  method: 'post',
  path: '/api/ops/missions/{id}/retry',
  summary: 'Continue a failed mission with a new one',
  ...needs('approve'),
  request: { params: IdParam, body: optionalBody(strict({})) },
  responses: { 201: json(MissionWithSteps, 'The new mission, with the steps that remain') },
});

export function missionRoutes({ database, serving }: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { status, agent_id, proposal_id, q, limit, cursor } = c.req.valid('query');
      const filter = { status, q, proposalId: proposal_id, agentId: agentFilter(c.get('caller'), agent_id) };
      const page = { beforeId: idOfCursor(cursor), limit };
      const { rows, next } = await listMissions(database, filter, page);
      return c.json({ missions: rows, next: toNext(next) }, 200);
    })
    .openapi(one, async (c) => {
      const found = await withSteps(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'mission', found.mission);
      return c.json(shownMission(found), 200);
    })
    .openapi(attempts, async (c) => {
      const mission = await getMission(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'mission', mission);
      return c.json(await attemptsOf(database, mission), 200);
    })
    .openapi(why, async (c) => {
      const mission = await getMission(database, c.req.valid('param').id);
      requireOwn(c.get('caller'), 'mission', mission);
      return c.json({ why: await whyMission(database, mission.id, serving) }, 200);
    })
    .openapi(cancel, async (c) => {
      const given = { by: c.get('caller').by, reason: c.req.valid('json').reason };
      return c.json(shownMission(await cancelMission(database, c.req.valid('param').id, given)), 200);
    })
    .openapi(retry, async (c) => {
      const { id } = c.req.valid('param');
      return c.json(shownMission(await retryMission(database, id, { by: c.get('caller').by })), 201);
    });
}
