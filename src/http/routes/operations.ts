import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { selectRecentRuns } from '../../engine/action-runs.ts';
import { listWorkers } from '../../engine/workers.ts';
import { listBeats } from '../../heartbeat/heartbeat.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { pageOf } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { json, optionalBody } from '../schemas/common.ts';
import { ActionRun, Beat, Health, PastBeat, Worker } from '../schemas/installation.ts';

const MOST_WORKERS = 200;

const workers = createRoute({
  method: 'get',
  path: '/api/ops/workers',
  summary: 'List workers, those alive first',
  ...needs('read'),
  responses: { 200: json(z.object({ workers: z.array(Worker) }), 'The workers') },
});

const actionRuns = createRoute({
  method: 'get',
  path: '/api/ops/action-runs',
  summary: 'List what the heartbeat did last',
  ...needs('read', { query: true }),
  request: { query: strict({ limit: pageOf(200, 50).limit }) },
  responses: { 200: json(z.object({ action_runs: z.array(ActionRun) }), 'The newest first') },
});

const beats = createRoute({
  method: 'get',
  path: '/api/ops/beats',
  summary: 'List beats with what their actions did, the newest first',
  ...needs('read', { query: true }),
  request: { query: strict({ limit: pageOf(200, 20).limit }) },
  responses: { 200: json(z.object({ beats: z.array(PastBeat) }), 'The newest beats') },
});

const heartbeat = createRoute({
  method: 'post',
  path: '/api/ops/heartbeat',
  summary: 'Run the heartbeat now',
  ...needs('admin'),
  request: { body: optionalBody(strict({})) },
  responses: { 200: json(Beat, 'What each action did') },
});

const health = createRoute({
  method: 'get',
  path: '/api/ops/health',
  summary: 'Say how the installation is',
  ...needs('read'),
  responses: { 200: json(Health, 'Counts, and what is wrong') },
});

export function operationRoutes(app: App) {
  return makeRouter()
    .openapi(workers, async (c) => c.json({ workers: await listWorkers(app.database, MOST_WORKERS) }, 200))
    .openapi(actionRuns, async (c) =>
      c.json({ action_runs: await selectRecentRuns(app.database, c.req.valid('query').limit) }, 200),
    )
    .openapi(beats, async (c) =>
      c.json({ beats: await listBeats(app.database, c.req.valid('query').limit) }, 200),
    )
    .openapi(heartbeat, async (c) => {
      const beat = await app.beat(c.get('caller').by);
      const actions = beat.actions.map(({ action, status, duration_ms, details }) => ({
        action,
        status,
        duration_ms,
        details,
      }));
      return c.json({ actions, beat_id: beat.id, joined: beat.joined }, 200);
    })
    .openapi(health, async (c) => c.json(await app.health(), 200));
}
