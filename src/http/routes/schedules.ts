import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import type { Caller } from '../../keys/schema.ts';
import { ScheduleChange, ScheduleInput, type ScheduleRow } from '../../schedules/schema.ts';
import {
  addSchedule,
  changeSchedule,
  describeSchedule,
  getSchedule,
  listSchedules,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  unknownSchedule,
  upcomingDue,
} from '../../schedules/schedules.ts';
import { agentFilter, needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { countUpTo, idOfCursor, pageOf, toNext } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json, NameFilter, NameParam, Next, optionalBody } from '../schemas/common.ts';
import { Schedule, ScheduleDetails, Upcoming } from '../schemas/schedules.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/schedules',
  summary: 'List schedules, the oldest first; an agent sees its own',
  ...needs('read', { agents: 'own', query: true }),
  request: { query: strict({ agent_id: NameFilter, ...pageOf(200, 50) }) },
  responses: { 200: json(z.object({ schedules: z.array(Schedule), next: Next }), 'A page of schedules') },
});

const add = createRoute({
  method: 'post',
  path: '/api/ops/schedules',
  summary: 'Add a schedule: proposals by cron, by an interval, or once',
  ...needs('admin'),
  request: { body: body(strict(ScheduleInput.shape)) },
  responses: { 201: json(ScheduleDetails, 'The schedule, and when it is due') },
});

const one = createRoute({
  method: 'get',
  path: '/api/ops/schedules/{name}',
  summary: 'Show a schedule, with its next due times and last proposals',
  ...needs('read', { agents: 'own' }),
  request: { params: NameParam },
  responses: { 200: json(ScheduleDetails, 'The schedule') },
});

const upcoming = createRoute({
  method: 'get',
  path: '/api/ops/schedules/{name}/next',
  summary: 'List the next due times of a schedule',
  ...needs('read', { agents: 'own', query: true }),
  request: { params: NameParam, query: strict({ count: countUpTo(100, 5, 'How many.') }) },
  responses: { 200: json(z.object({ timezone: z.string(), upcoming: Upcoming }), 'Its next due times') },
});

const change = createRoute({
  method: 'put',
  path: '/api/ops/schedules/{name}',
  summary: 'Change what is named of a schedule',
  description: 'One of cron, every_seconds and at replaces the timing it has; it then goes on from now.',
  ...needs('admin'),
  request: { params: NameParam, body: body(strict(ScheduleChange.shape)) },
  responses: { 200: json(ScheduleDetails, 'The changed schedule') },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/ops/schedules/{name}',
  summary: 'Remove a schedule; its proposals stay',
  ...needs('admin'),
  request: { params: NameParam },
  responses: { 200: json(z.object({ schedule: Schedule }), 'As it was') },
});

const pause = createRoute({
  method: 'post',
  path: '/api/ops/schedules/{name}/pause',
  summary: 'Pause a schedule: nothing of it comes due',
  ...needs('admin'),
  request: { params: NameParam, body: optionalBody(strict({})) },
  responses: { 200: json(ScheduleDetails, 'The paused schedule') },
});

const resume = createRoute({
  method: 'post',
  path: '/api/ops/schedules/{name}/resume',
  summary: 'Let a paused schedule go on from now',
  ...needs('admin'),
  request: { params: NameParam, body: optionalBody(strict({})) },
  responses: { 200: json(ScheduleDetails, 'The schedule, and when it is due') },
});

export function scheduleRoutes({ database }: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { agent_id, limit, cursor } = c.req.valid('query');
      const page = { afterId: idOfCursor(cursor), limit };
      const { rows, next } = await listSchedules(database, agentFilter(c.get('caller'), agent_id), page);
      return c.json({ schedules: rows, next: toNext(next) }, 200);
    })
    .openapi(add, async (c) => {
      const added = await addSchedule(database, c.req.valid('json'), c.get('caller').by);
      return c.json(added, 201);
    })
    .openapi(one, async (c) => {
      const row = requireOwn(c.get('caller'), await getSchedule(database, c.req.valid('param').name));
      return c.json(await describeSchedule(database, row), 200);
    })
    .openapi(upcoming, async (c) => {
      const row = requireOwn(c.get('caller'), await getSchedule(database, c.req.valid('param').name));
      const { count } = c.req.valid('query');
      return c.json({ timezone: row.timezone, upcoming: upcomingDue(row, count) }, 200);
    })
    .openapi(change, async (c) => {
      const { name } = c.req.valid('param');
      return c.json(await changeSchedule(database, name, c.req.valid('json'), c.get('caller').by), 200);
    })
    .openapi(remove, async (c) => {
      const schedule = await removeSchedule(database, c.req.valid('param').name, c.get('caller').by);
      return c.json({ schedule }, 200);
    })
    .openapi(pause, async (c) =>
      c.json(await pauseSchedule(database, c.req.valid('param').name, c.get('caller').by), 200),
    )
    .openapi(resume, async (c) =>
      c.json(await resumeSchedule(database, c.req.valid('param').name, c.get('caller').by), 200),
    );
}

/** Another agent's schedules do not exist for an agent. @throws AppError not_found */
function requireOwn(caller: Caller, row: ScheduleRow): ScheduleRow {
  if (caller.agentId !== null && caller.agentId !== row.agent_id) throw unknownSchedule(row.name);
  return row;
}
