import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, read } from '../data/client.ts';
import { keepFresh } from '../data/freshness.ts';
import { makeLive } from '../data/live.ts';
import { MeContext } from '../data/me.ts';
import { queries } from '../data/query-cache.ts';
import type { Session } from '../data/types.ts';
import { Answer } from '../ui/answer.tsx';
import styles from './shell.module.css';
import { Shell } from './shell.tsx';

/** Asks who is signed in and where the log ends; whatever is read after that is followed from there. */
export function SignedIn() {
  const asking = useQuery({ queryKey: ['session'], queryFn: () => read(api.session.$get({})) });
  return (
    <Answer of={asking} what="session">
      {(session) => <Following session={session} />}
    </Answer>
  );
}

function Following({ session }: { session: Session }) {
  const [live] = useState(makeLive);
  const [first] = useState(session);
  const { seq } = first;
  useEffect(() => {
    const stopFresh = keepFresh(queries, live);
    live.start(seq);
    return () => {
      live.stop();
      stopFresh();
    };
  }, [live, seq]);
  return (
    <MeContext value={{ session, live }}>
      <div className={styles.app}>
        <Shell isOutdated={session.version !== first.version} />
      </div>
    </MeContext>
  );
}
