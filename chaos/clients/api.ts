import { AppError, makeClient } from '../../src/client.ts';
import { toError } from '../../src/errors.ts';
import { makeRandom, type Random } from '../lib/random.ts';
import { sleep } from '../lib/time.ts';
import type { History, Value } from './history.ts';

/** What every client works with. */
export type Means = {
  urls: readonly string[];
  apiKey: string;
  history: History;
  random: Random;
  /** Aborts when the load is to end. */
  stopping: AbortSignal;
};

export type Request = { method: string; path: string; body?: unknown; headers?: Record<string, string> };
export type Answer<T> =
  | { outcome: 'ok'; body: T }
  | { outcome: 'fail' | 'info'; code: string; message: string };

const LIMIT_MS = 8_000;

export function makeMeans(given: Omit<Means, 'random'>, seed: number): Means {
  return { ...given, random: makeRandom(seed) };
}

/**
 * Sends a request to one of the servers. What is refused has not happened; after a server's own error, a broken
 * connection or silence nobody knows.
 */
export async function send<T>(means: Means, request: Request, url?: string): Promise<Answer<T>> {
  const client = makeClient({ url: url ?? means.random.pick(means.urls), apiKey: means.apiKey });
  const ask = async () => {
    const response = await client.fetch(request.path, {
      method: request.method,
      headers: { 'content-type': 'application/json', ...request.headers },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return (await response.json()) as T;
  };
  // Node 20 can forget the signal of an answer whose body it reads.
  const giveUp = async () => {
    await sleep(LIMIT_MS * 1.5);
    throw new Error('no answer');
  };
  try {
    return { outcome: 'ok', body: await Promise.race([ask(), giveUp()]) };
  } catch (thrown) {
    const error = toError(thrown);
    const refused = error instanceof AppError && error.status < 500;
    const code = error instanceof AppError ? error.code : 'no_answer';
    return { outcome: refused ? 'fail' : 'info', code, message: error.message };
  }
}

/** The same, written down. @param learn what the answer adds to the value */
export async function record<T>(
  means: Means,
  client: string,
  f: string,
  value: Value,
  request: Request,
  learn: (body: T) => Value = () => ({}),
): Promise<Answer<T>> {
  const done = means.history.invoke(client, f, value);
  const answer = await send<T>(means, request);
  if (answer.outcome === 'ok') done('ok', learn(answer.body));
  else done(answer.outcome, {}, answer.code);
  return answer;
}
