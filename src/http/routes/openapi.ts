import { createRoute, z } from '@hono/zod-openapi';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { json } from '../schemas/common.ts';

const openapi = createRoute({
  method: 'get',
  path: '/openapi.json',
  summary: 'This document',
  ...needs('read'),
  responses: { 200: json(z.record(z.string(), z.unknown()), 'OpenAPI 3.1') },
});

/** @param describe makes the document; asked late, when all routes are there */
export function openapiRoute(describe: () => object) {
  let document: Record<string, unknown> | undefined;
  return makeRouter().openapi(openapi, (c) => {
    document ??= { ...describe() };
    return c.json(document, 200);
  });
}
