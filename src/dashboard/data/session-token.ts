import { queries } from './query-cache.ts';
import { makeStore } from './store.ts';

/**
 * The token is kept by origin, port included, and sent in a header by us alone. A cookie would go to every program
 * that listens on another port of this machine, and along with requests that other pages make.
 */
const PLACE = 'opsloop-session';

/** Why nobody is signed in, where that is worth saying; null while somebody is, or never was. */
export type SessionState = { token: string | null; why: string | null };

export const session = makeStore<SessionState>({ token: localStorage.getItem(PLACE), why: null });

export function token(): string | null {
  return session.get().token;
}

export function keepSession(given: string): void {
  localStorage.setItem(PLACE, given);
  session.set({ token: given, why: null });
}

export function loseSession(why: string | null): void {
  localStorage.removeItem(PLACE);
  session.set({ token: null, why });
}

// Another tab signed in or out.
addEventListener('storage', ({ key, newValue }) => {
  if (key !== PLACE) return;
  // It can be somebody else by now.
  queries.clear();
  session.set({ token: newValue, why: null });
});
