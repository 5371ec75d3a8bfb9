import { AppError, type Client, makeClient } from 'opsloop/client';
import { loseSession, token } from './session-token.ts';

/** The API as this browser's session sees it. An answer that the session is over leads to the sign-in page. */
export const client: Client = makeClient({
  url: location.origin,
  fetch: async (input, init) => {
    const given = token();
    const headers = new Headers(init?.headers);
    if (given !== null && !headers.has('Authorization')) headers.set('Authorization', `Bearer ${given}`);
    const response = await fetch(input, { ...init, headers, cache: 'no-store' });
    if (response.status === 401 && given !== null && headers.get('Authorization') === `Bearer ${given}`)
      loseSession('Your session is over. Sign in again; you come back to this page.');
    return response;
  },
});

/** Every route by its path: `api.proposals.$get({ query: {} })`. */
export const api = client.api.api.ops;
export const { read } = client;

/** What went wrong, as a sentence for people. */
export function sayError(thrown: unknown): string {
  if (thrown instanceof AppError && thrown.code === 'server_unavailable')
    return 'The server does not answer.';
  return thrown instanceof Error ? thrown.message : String(thrown);
}
