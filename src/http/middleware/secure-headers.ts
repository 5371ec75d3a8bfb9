import type { MiddlewareHandler } from 'hono';
import type { HttpEnv } from '../env.ts';
import { SECURITY_HEADERS } from '../security-headers.ts';

const HEADERS = Object.entries(SECURITY_HEADERS);

export function secureHeaders(): MiddlewareHandler<HttpEnv> {
  return async function secureHeaders(c, next) {
    for (const [name, value] of HEADERS) c.header(name, value);
    await next();
  };
}
