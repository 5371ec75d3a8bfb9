/**
 * Every error that a user of the API, the CLI or the library can meet has one of these codes.
 * The codes are stable; the sentence beside them may improve.
 */
export const ERRORS = {
  config_invalid: { status: 500, exitCode: 2, title: 'The configuration is not usable' },
  usage: { status: 400, exitCode: 2, title: 'The command was not understood' },
  invalid_json: { status: 400, exitCode: 2, title: 'The body is not usable JSON' },
  invalid_request: { status: 400, exitCode: 2, title: 'The request is not valid' },
  invalid_cursor: { status: 400, exitCode: 2, title: 'The cursor is not valid' },
  unauthorized: { status: 401, exitCode: 7, title: 'A valid API key is needed' },
  forbidden: { status: 403, exitCode: 7, title: 'This key may not do that' },
  host_not_allowed: { status: 403, exitCode: 7, title: 'The Host header is not one of ours' },
  invalid_path: { status: 403, exitCode: 2, title: 'The name leads nowhere in this folder' },
  origin_not_allowed: { status: 403, exitCode: 7, title: 'Requests from that web page are refused' },
  not_found: { status: 404, exitCode: 3, title: 'There is no such thing' },
  unknown_route: { status: 404, exitCode: 3, title: 'There is no such route' },
  method_not_allowed: { status: 405, exitCode: 2, title: 'The route does not have that method' },
  conflict: { status: 409, exitCode: 6, title: 'The state it is in does not allow that' },
  claim_lost: { status: 409, exitCode: 6, title: 'The claim does not hold its step any more' },
  worker_ended: { status: 409, exitCode: 6, title: 'That worker has ended' },
  too_large: { status: 413, exitCode: 2, title: 'The request is too large' },
  unsupported_media_type: { status: 415, exitCode: 2, title: 'Only application/json is accepted' },
  unknown_agent: { status: 422, exitCode: 4, title: 'No agent has that id' },
  gate_refused: { status: 422, exitCode: 4, title: 'Policy refuses this proposal' },
  invalid_policy: { status: 422, exitCode: 2, title: 'The policy value is not valid' },
  idempotency_mismatch: {
    status: 422,
    exitCode: 2,
    title: 'The Idempotency-Key was used for another request',
  },
  cap_reached: { status: 429, exitCode: 4, title: 'A cap of the policy is reached' },
  rate_limited: { status: 429, exitCode: 5, title: 'Too many requests' },
  internal: { status: 500, exitCode: 1, title: 'Something unexpected happened' },
  policy_unreadable: { status: 503, exitCode: 5, title: 'The policy in the database cannot be read' },
  database_busy: { status: 503, exitCode: 5, title: 'The database is busy' },
  database_unavailable: { status: 503, exitCode: 5, title: 'The database cannot be reached' },
  workspace_unavailable: { status: 503, exitCode: 5, title: 'The workspace cannot be used' },
  server_unavailable: { status: 503, exitCode: 5, title: 'The opsloop server cannot be reached' },
  database_newer: { status: 500, exitCode: 8, title: 'The database was made by a newer opsloop' },
  database_older: { status: 500, exitCode: 8, title: 'The database is not migrated yet' },
  unsafe_settings: { status: 500, exitCode: 8, title: 'The database can lose acknowledged data' },
  log_damaged: { status: 500, exitCode: 1, title: 'The event log is not what was sealed' },
  backup_unusable: { status: 500, exitCode: 1, title: 'The backup cannot be used' },
  disk_full: { status: 500, exitCode: 5, title: 'There is not enough free space' },
  already_running: { status: 500, exitCode: 6, title: 'Another opsloop uses this home' },
  stopped: { status: 503, exitCode: 130, title: 'It was asked to stop' },
  timed_out: { status: 504, exitCode: 9, title: 'It did not end in time' },
} as const satisfies Record<string, { status: number; exitCode: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

export type AppErrorOptions = {
  /** Facts for programs: what was given, what is allowed. Never a secret. */
  details?: Record<string, unknown>;
  /** Seconds after which a retry can succeed; becomes the Retry-After header. */
  retryAfter?: number;
  cause?: unknown;
};

/** An error that is safe to show: its message says what was given, what is allowed and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }
}

/** Anything can be thrown; this gives an Error with a message in every case. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
