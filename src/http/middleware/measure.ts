import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { HttpEnv } from '../env.ts';
import type { Metrics } from '../metrics.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);

/** Times requests by route, not by path, so that no client can make up series. */
export function measure(metrics: Metrics): MiddlewareHandler<HttpEnv> {
  return async function measure(c, next) {
    const began = performance.now();
    await next();
    const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? 'none';
    const method = METHODS.has(c.req.method) ? c.req.method : 'other';
    metrics.observe(method, route, c.res.status, (performance.now() - began) / 1000);
  };
}
