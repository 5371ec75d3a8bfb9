import type { MiddlewareHandler } from 'hono';
import { AppError } from '../../errors.ts';
import { isPublic } from '../access.ts';
import type { HttpEnv } from '../env.ts';

/** Until the database has answered and is migrated, nothing can be decided, not even whose key it is. */
export function requireReady(isReady: () => boolean): MiddlewareHandler<HttpEnv> {
  return async function requireReady(c, next) {
    if (!isReady() && !isPublic(c)) {
      throw new AppError('database_unavailable', 'The server starts and waits for its database.', {
        retryAfter: 2,
      });
    }
    await next();
  };
}
