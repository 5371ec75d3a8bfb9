import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { AppError } from '../../errors.ts';
import { encodeCursor } from '../../lib/cursor.ts';
import type { Bridge, BridgeStatus } from '../../workspace/bridge.ts';
import { listTaskFiles } from '../../workspace/task-files.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { json, Next, optionalBody } from '../schemas/common.ts';
import { FilesStatus, TaskFile } from '../schemas/files.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/files',
  summary: 'List task files with their proposals and outputs, the newest first',
  ...needs('read', { query: true }),
  request: {
    query: strict({
      stem: z.string().min(1).max(200).optional(),
      status: z.enum(['open', 'finished']).optional(),
      ...pageOf(200, 50),
    }),
  },
  responses: { 200: json(z.object({ files: z.array(TaskFile), next: Next }), 'A page of task files') },
});

const status = createRoute({
  method: 'get',
  path: '/api/ops/files/status',
  summary: 'Say how the workspace is: its mode, what waits, what is refused and what is wrong',
  ...needs('read'),
  responses: { 200: json(FilesStatus, 'The workspace as this server sees it') },
});

const resume = createRoute({
  method: 'post',
  path: '/api/ops/files/resume',
  summary: 'Take files again after signs of another executor',
  ...needs('admin'),
  request: { body: optionalBody(strict({})) },
  responses: { 200: json(z.object({ resumed: z.boolean() }), 'Whether it was halted') },
});

export function fileRoutes(app: App) {
  return makeRouter()
    .openapi(list, async (c) => {
      const { stem, status: state, limit, cursor } = c.req.valid('query');
      const files = await listTaskFiles(app.database, { stem, status: state }, idOfCursor(cursor), limit);
      const last = files.length === limit ? files.at(-1) : undefined;
      return c.json({ files, next: last ? encodeCursor(last.id) : null }, 200);
    })
    .openapi(status, (c) => c.json(toWire(requireBridge(app).status()), 200))
    .openapi(resume, async (c) =>
      c.json({ resumed: await requireBridge(app).resume(c.get('caller').by) }, 200),
    );
}

/** @throws AppError conflict */
export function requireBridge(app: App): Bridge {
  const bridge = app.bridge();
  if (bridge) return bridge;
  throw new AppError('conflict', 'This process has no workspace; ask the server that has one.');
}

function toWire(found: BridgeStatus) {
  const waiting = found.waiting.map(({ count, hold }) => ({
    scope: hold.scope,
    gate: hold.gate,
    limit: hold.limit,
    resets_at: hold.resetsAt,
    count,
  }));
  return { ...found, waiting };
}
