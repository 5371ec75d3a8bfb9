import { api, client, read, sayError } from './client.ts';
import { queries } from './query-cache.ts';
import { keepSession, loseSession, session } from './session-token.ts';
import type { OpenedSession } from './types.ts';

/** Opens a session by a code or a key. @throws when neither is valid */
export async function signIn(codeOrKey: string): Promise<void> {
  const headers = { authorization: `Bearer ${codeOrKey.trim()}` };
  const response = await client.fetch('/api/ops/session', { method: 'POST', headers });
  const { token } = (await response.json()) as OpenedSession;
  queries.clear();
  keepSession(token);
}

export async function signOut(): Promise<void> {
  // A server that is away must not keep anybody signed in here.
  await read(api.session.$delete({})).catch(() => undefined);
  queries.clear();
  loseSession(null);
}

/** Uses the code of an address such as `/#code=...`, and takes it out of the address. */
export async function useCodeOfAddress(): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  // Whoever is signed in already stays so: the address may come from anywhere.
  await signIn(code).catch((error: unknown) => session.set({ ...session.get(), why: sayError(error) }));
}
