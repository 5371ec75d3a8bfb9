import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { needsNoKey, VIEWS } from '../access.ts';
import { type DashboardFile, makeDashboard } from '../dashboard.ts';
import { type HttpEnv, makeRouter } from '../env.ts';
import { unknownRoute } from '../middleware/answer-errors.ts';

/** Named, and not refused by a weight of 0. */
const GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/;
const FOR_EVER = 'public, max-age=31536000, immutable';

const page = createRoute({
  method: 'get',
  path: '/',
  summary: 'The dashboard, for people',
  ...needsNoKey({ query: true }),
  description: `The same document stands at ${VIEWS.map((view) => `/${view}`).join(', ')}.`,
  responses: { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } } },
});

const asset = createRoute({
  method: 'get',
  path: '/assets/{name}',
  summary: 'A file of the dashboard',
  ...needsNoKey(),
  request: { params: z.object({ name: z.string() }) },
  responses: {
    200: {
      description: 'Its bytes',
      content: {
        'text/javascript': { schema: z.string() },
        'text/css': { schema: z.string() },
        'image/svg+xml': { schema: z.string() },
      },
    },
  },
});

export function dashboardRoutes() {
  const files = makeDashboard();
  const answerPage = (c: Context<HttpEnv>) => send(c, files.get('index.html'));
  const router = makeRouter()
    .openapi(page, (c) => answerPage(c))
    .openapi(asset, async (c) => {
      const file = files.get(`assets/${c.req.valid('param').name}`);
      // Its name changes with what it holds.
      if (file) c.header('Cache-Control', FOR_EVER);
      return send(c, file);
    });
  for (const view of VIEWS) for (const path of [`/${view}`, `/${view}/:id`]) router.get(path, answerPage);
  return router;
}

async function send(c: Context<HttpEnv>, file: DashboardFile | undefined): Promise<Response> {
  if (!file) return unknownRoute(c);
  const takesGzip = GZIP.test(c.req.header('accept-encoding') ?? '');
  c.header('Content-Type', file.type);
  c.header('Vary', 'Accept-Encoding', { append: true });
  if (takesGzip) c.header('Content-Encoding', 'gzip');
  return c.body(takesGzip ? await file.zipped() : file.bytes, 200);
}
