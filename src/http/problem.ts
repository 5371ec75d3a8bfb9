import { HTTPException } from 'hono/http-exception';
import { AppError, type ErrorCode, ERRORS } from '../errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457, with `error` for clients of the older system. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  error: string;
} & Record<string, unknown>;

export function toProblem(error: AppError): Problem {
  // `status` is the HTTP status here; where a detail has that name, it is the state of the thing asked for.
  const { status: state, ...details } = error.details;
  return {
    ...details,
    ...(state === undefined ? {} : { state }),
    type: `urn:opsloop:problem:${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    error: error.message,
  };
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  404: 'unknown_route',
  405: 'method_not_allowed',
  413: 'too_large',
  415: 'unsupported_media_type',
};

/** Whatever was thrown, as an error that is safe to show; `internal` says nothing about its cause. */
export function toShownError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof HTTPException && thrown.status < 500)
    return new AppError(CODE_OF_STATUS[thrown.status] ?? 'invalid_request', thrown.message || 'Refused.');
  return new AppError(
    'internal',
    'Something unexpected happened. The log of the server has the details; the request can be sent again.',
  );
}
