import { createContext, useContext } from 'react';
import type { Live } from './live.ts';
import type { Scope, Session } from './types.ts';

/** Who is signed in, and the stream of what happens; there is no view without them. */
export type Me = { session: Session; live: Live };

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('a view stands outside of the signed-in page');
  return me;
}

/** Why the key may not do what needs this scope; null when it may. */
export function useRefusal(scope: Scope): string | null {
  const { name, scopes } = useMe().session;
  if (scopes.includes(scope)) return null;
  return `This needs a key with the scope ${scope}; "${name}" has ${scopes.join(', ')}.`;
}
