import type { Context, ErrorHandler } from 'hono';
import { AppError, toError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { HttpEnv } from '../env.ts';
import { makePerMinute } from '../per-minute.ts';
import { PROBLEM_TYPE, toProblem, toShownError } from '../problem.ts';

const LOGGED_PER_MINUTE = 20;

/**
 * Every error becomes problem+json; one that nobody expected is also logged, at a bounded rate.
 * @param onRefusal told of every error that is an answer
 */
export function answerErrors(
  log: Log,
  onRefusal: (c: Context<HttpEnv>, error: AppError) => void,
): ErrorHandler<HttpEnv> {
  const lines = makePerMinute(LOGGED_PER_MINUTE);

  const report = (thrown: unknown, c: Context<HttpEnv>) => {
    const suppressed = lines.next();
    if (suppressed === null) return;
    log.error(
      { err: toError(thrown), method: c.req.method, path: c.req.path, suppressed },
      'a request failed',
    );
  };

  return function answerErrors(thrown, c) {
    const error = toShownError(thrown);
    if (error.code === 'internal') report(thrown, c);
    else onRefusal(c, error);
    return answerError(c, error);
  };
}

export function answerError(c: Context<HttpEnv>, error: AppError): Response {
  if (error.retryAfter !== undefined) c.header('Retry-After', String(Math.ceil(error.retryAfter)));
  if (error.code === 'unauthorized') c.header('WWW-Authenticate', 'Bearer realm="opsloop"');
  // What is left of the body is not worth reading.
  if (error.code === 'too_large') c.header('Connection', 'close');
  c.header('Content-Type', PROBLEM_TYPE);
  return c.body(JSON.stringify(toProblem(error)), error.status as 400);
}

export function unknownRoute(c: Context<HttpEnv>): Response {
  return answerError(
    c,
    new AppError(
      'unknown_route',
      `There is no route ${c.req.method.slice(0, 20)} ${c.req.path.slice(0, 200)}; /openapi.json lists them.`,
    ),
  );
}

export function wrongMethod(c: Context<HttpEnv>, allowed: string[]): Response {
  c.header('Allow', allowed.join(', '));
  return answerError(
    c,
    new AppError('method_not_allowed', `${c.req.path.slice(0, 200)} has ${allowed.join(', ')}.`, {
      details: { allowed },
    }),
  );
}
