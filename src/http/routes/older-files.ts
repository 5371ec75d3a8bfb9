import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { App } from '../../app.ts';
import { AppError } from '../../errors.ts';
import { decodeFileName } from '../../workspace/conventions/names.ts';
import { foldersOf } from '../../workspace/disk/folders.ts';
import { drawGraph } from '../../workspace/shelf/graph.ts';
import { listFiles } from '../../workspace/shelf/listing.ts';
import { readOutput } from '../../workspace/shelf/out.ts';
import { submitFile } from '../../workspace/shelf/submit.ts';
import { needs } from '../access.ts';
import { type HttpEnv, makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { Graph, Listing } from '../schemas/files.ts';
import { requireBridge } from './files.ts';

/** The older system's routes, in their old shapes. Files are the operator's: no agent's key gets in. */
const inbox = createRoute({
  method: 'get',
  path: '/api/inbox',
  summary: 'List the inbox: tasks that wait, and those that are done or failed',
  ...needs('read'),
  responses: { 200: json(Listing, 'At most 200, the newest first') },
});

const outputs = createRoute({
  method: 'get',
  path: '/api/outputs',
  summary: 'List the outputs',
  ...needs('read'),
  responses: { 200: json(Listing, 'At most 200, the newest first') },
});

const out = createRoute({
  method: 'get',
  path: '/api/out/{name}',
  summary: 'Read an output',
  ...needs('read'),
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: json(z.object({ name: z.string(), content: z.string() }), 'Its text') },
});

const graph = createRoute({
  method: 'get',
  path: '/graph.json',
  summary: 'Draw the newest outputs by role',
  ...needs('read'),
  responses: { 200: json(Graph, 'Nodes and edges') },
});

const Text = z.string().nullable().optional();
const submit = (path: '/api/submit' | '/api/inbox') =>
  createRoute({
    method: 'post',
    path,
    summary: 'Put a task into the inbox',
    ...needs('propose'),
    request: { body: body(strict({ name: Text, filename: Text, text: Text, content: Text })) },
    responses: { 200: json(z.object({ ok: z.boolean(), file: z.string() }), 'The name it got') },
  });

type Submission = { [K in 'name' | 'filename' | 'text' | 'content']?: string | null | undefined };

export function olderFileRoutes(app: App) {
  const folders = foldersOf(app.config.workspace);

  const accept = async (given: Submission) => {
    const bridge = requireBridge(app);
    if (app.config.files === 'off' || bridge.status().mode === 'off')
      throw new AppError(
        'conflict',
        'Files are off (OPSLOOP_FILES=off); propose over /api/ops/proposals instead.',
      );
    const { held_elsewhere, held_by } = bridge.status();
    if (held_elsewhere) throw new AppError('conflict', `${held_by} Submit it there.`);
    const name = given.name || given.filename || '';
    const file = await submitFile(folders, { name, text: given.text || given.content || '' });
    bridge.wake();
    return { ok: true, file };
  };

  const listing = (folder: 'inbox' | 'outputs', endings: string[]) => listFiles(folders, folder, endings);

  return makeRouter()
    .openapi(inbox, async (c) => c.json({ files: await listing('inbox', ['.txt', '.done', '.failed']) }, 200))
    .openapi(outputs, async (c) => c.json({ files: await listing('outputs', ['.md']) }, 200))
    .openapi(out, async (c) => {
      const name = decodeFileName(lastSegment(c));
      const content = await readOutput(folders, name);
      c.header(
        'Content-Disposition',
        `attachment; filename*=UTF-8''${encodeURIComponent(name).replaceAll("'", '%27').replaceAll('(', '%28').replaceAll(')', '%29')}`,
      );
      return c.json({ name, content }, 200);
    })
    .openapi(graph, async (c) => c.json(drawGraph(await listing('outputs', ['.md']).catch(() => [])), 200))
    .openapi(submit('/api/submit'), async (c) => c.json(await accept(c.req.valid('json')), 200))
    .openapi(submit('/api/inbox'), async (c) => c.json(await accept(c.req.valid('json')), 200));
}

/** As it was sent: the router has decoded the path once already, and a second time would be once too often. */
function lastSegment(c: Context<HttpEnv>): string {
  const target = c.env.incoming?.url ?? new URL(c.req.url).pathname;
  const path = target.split('?')[0] ?? '';
  return path.slice(path.lastIndexOf('/') + 1);
}
