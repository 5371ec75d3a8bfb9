import { useEffect, useState } from 'react';
import { session } from '../data/session-token.ts';
import { useCodeOfAddress } from '../data/sign-in.ts';
import { useStore } from '../data/store.ts';
import { Decide } from '../views/decide/decide.tsx';
import { SignIn } from './sign-in.tsx';
import { SignedIn } from './signed-in.tsx';

/** A link that decides needs nobody signed in. Else: until somebody is signed in there is the sign-in page, at whatever address; then what the address says. */
export function App() {
  return location.pathname === '/decide' ? <Decide /> : <Operators />;
}

function Operators() {
  const { token, why } = useStore(session);
  const [ready, setReady] = useState(!location.hash.includes('code='));
  useEffect(() => {
    const use = () => void useCodeOfAddress().finally(() => setReady(true));
    use();
    // A code can come to a page that is open already.
    addEventListener('hashchange', use);
    return () => removeEventListener('hashchange', use);
  }, []);
  if (!ready) return null;
  return token === null ? <SignIn why={why} /> : <SignedIn key={token} />;
}
