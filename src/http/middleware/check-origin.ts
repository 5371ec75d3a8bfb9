import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../errors.ts';
import { isView } from '../access.ts';
import type { HttpEnv } from '../env.ts';
import type { Hosts } from '../hosts.ts';

const METHODS = 'GET, HEAD, POST, PUT, DELETE';
const HEADERS =
  'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Mcp-Protocol-Version, Mcp-Method, Mcp-Name';
const EXPOSED = 'Retry-After, Idempotent-Replayed, Allow';

/**
 * Refuses what web pages of others send. Browsers name the page in Origin, and its relation to us in
 * Sec-Fetch-Site; other programs send neither. Answers preflights of the pages that are allowed.
 */
export function checkOrigin(hosts: Hosts, configuredPort: number): MiddlewareHandler<HttpEnv> {
  return async function checkOrigin(c, next) {
    const wire = c.get('wire');
    const [origin] = wire.values('origin');
    const allowed = origin !== undefined && hosts.isAllowedOrigin(origin, wire.port ?? configuredPort);
    if (origin !== undefined && !allowed) {
      throw new AppError(
        'origin_not_allowed',
        `Pages of ${origin.slice(0, 200)} may not call this server. Add an origin with OPSLOOP_ALLOWED_ORIGINS.`,
        { details: { origin: origin.slice(0, 200) } },
      );
    }
    const [site = 'none'] = wire.values('sec-fetch-site');
    if (!allowed && site !== 'none' && site !== 'same-origin' && !isVisit(c)) {
      throw new AppError('origin_not_allowed', 'A page of another site may not call this server.', {
        details: { sec_fetch_site: site.slice(0, 20) },
      });
    }
    c.header('Vary', 'Origin');
    if (allowed) {
      c.header('Access-Control-Allow-Origin', origin);
      c.header('Access-Control-Expose-Headers', EXPOSED);
    }
    if (c.req.method !== 'OPTIONS') return next();
    if (allowed) {
      c.header('Access-Control-Allow-Methods', METHODS);
      c.header('Access-Control-Allow-Headers', HEADERS);
      c.header('Access-Control-Max-Age', '600');
    } else c.header('Allow', `${METHODS}, OPTIONS`);
    return c.body(null, 204);
  };
}

/** Somebody followed a link to a page, which by itself holds nothing and does nothing. */
function isVisit(c: Context<HttpEnv>): boolean {
  const wire = c.get('wire');
  return (
    c.req.method === 'GET' &&
    isView(c.req.path) &&
    wire.values('sec-fetch-mode')[0] === 'navigate' &&
    wire.values('sec-fetch-dest')[0] === 'document'
  );
}
