import { hc } from 'hono/client';
import { AppError, type ErrorCode, ERRORS, toError } from './errors.ts';
import type { HttpApp } from './http/app.ts';

export { AppError, type ErrorCode } from './errors.ts';
export { messagesOf, type StreamMessage } from './event-stream.ts';
// What the stream of a verification tells: streams have no types of their own in the routes.
export type { Progress, Verdict } from './events/proof/verify.ts';

export type ClientOptions = {
  url: string;
  apiKey?: string;
  fetch?: typeof fetch;
  /** Ends the calls that bring no signal of their own. */
  signal?: AbortSignal;
};

/** The answers of the routes as types, without a generator: `client.api.api.ops.proposals.$get({ query: {} })`. */
export type Client = {
  /** Every route by its path. Each call gives an answer that is no error, or throws an AppError. */
  api: ReturnType<typeof hc<HttpApp>>;
  /** The body of an answer: `await client.read(client.api.api.ops.missions.$get({ query: {} }))`. */
  read<Answer>(call: Promise<{ json(): Promise<Answer> }>): Promise<Answer>;
  /** Any route by hand, with the same key and the same errors. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
};

export function makeClient(options: ClientOptions): Client {
  const base = options.url.replace(/\/+$/, '');
  const given = options.fetch ?? fetch;
  const send = async (input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (options.apiKey !== undefined) headers.set('Authorization', `Bearer ${options.apiKey}`);
    const signal = init.signal ?? options.signal ?? null;
    // A redirect would carry the key to wherever it leads.
    const sending = given(input, { ...init, headers, signal, redirect: 'error' });
    const response = await sending.catch((error: unknown) => {
      throw signal?.aborted ? toError(error) : unreachable(base, error);
    });
    if (!response.ok) throw await toAppError(response);
    return response;
  };
  return {
    api: hc<HttpApp>(base, { fetch: send }),
    read: async (call) => (await call).json(),
    fetch: (path, init) => send(`${base}${path}`, init),
  };
}

/** The error that a problem+json answer tells of; a code of a newer server is `internal` to this client. */
export async function toAppError(response: Response): Promise<AppError> {
  const text = await response.text().catch(() => '');
  const problem = parseObject(text);
  const { type: _type, title, status: _status, detail, code, error, ...details } = problem;
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'internal';
  const sentence = [detail, error, title].find((candidate) => typeof candidate === 'string');
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new AppError(known, sentence ?? `The server answered ${response.status}.`, {
    details: known === code ? details : { ...details, code, http_status: response.status },
    ...(Number.isFinite(seconds) ? { retryAfter: seconds } : {}),
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function unreachable(url: string, thrown: unknown): AppError {
  const error = toError(thrown);
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  return new AppError(
    'server_unavailable',
    `No opsloop server answers at ${url} (${cause}). Start one with \`opsloop up\`, or set OPSLOOP_URL.`,
    { details: { url }, retryAfter: 2, cause: thrown },
  );
}
