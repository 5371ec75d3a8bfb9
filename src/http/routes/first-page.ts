import { createRoute, z } from '@hono/zod-openapi';
import { needsNoKey } from '../access.ts';
import { makeRouter } from '../env.ts';
import { FIRST_PAGE, STYLE } from '../pages/first-page.ts';

const page = createRoute({
  method: 'get',
  path: '/',
  summary: 'The first page, for people',
  ...needsNoKey(),
  responses: { 200: { description: 'What this is', content: { 'text/html': { schema: z.string() } } } },
});

const style = createRoute({
  method: 'get',
  path: '/style.css',
  summary: 'The style of the first page',
  ...needsNoKey(),
  responses: { 200: { description: 'CSS', content: { 'text/css': { schema: z.string() } } } },
});

export function firstPageRoutes() {
  return makeRouter()
    .openapi(page, (c) => c.html(FIRST_PAGE, 200))
    .openapi(style, (c) => {
      c.header('Content-Type', 'text/css; charset=utf-8');
      return c.body(STYLE, 200);
    });
}
