import type { MiddlewareHandler } from 'hono';
import type { HttpEnv } from '../env.ts';
import { SECURITY_HEADERS } from '../security-headers.ts';

/** A year. Names below ours are somebody else's to decide about. */
const ONLY_TLS = { 'Strict-Transport-Security': 'max-age=31536000' };

/** @param publicUrl where browsers reach us; by https, they are told never to come without it */
export function secureHeaders(publicUrl: string | undefined): MiddlewareHandler<HttpEnv> {
  const headers = Object.entries({
    ...SECURITY_HEADERS,
    ...(publicUrl?.startsWith('https:') ? ONLY_TLS : {}),
  });
  return async function secureHeaders(c, next) {
    for (const [name, value] of headers) c.header(name, value);
    await next();
  };
}
