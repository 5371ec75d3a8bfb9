import { useEffect, useRef } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { session } from '../data/session-token.ts';
import { useStore } from '../data/store.ts';
import { Page } from '../ui/panel.tsx';
import { Agents } from '../views/agents/agents.tsx';
import { Events } from '../views/events/events.tsx';
import { Files } from '../views/files/files.tsx';
import { Mission } from '../views/missions/mission.tsx';
import { Missions } from '../views/missions/missions.tsx';
import { Now } from '../views/now/now.tsx';
import { Policy } from '../views/policy/policy.tsx';
import { Proposal } from '../views/proposals/proposal.tsx';
import { Proposals } from '../views/proposals/proposals.tsx';
import { Schedules } from '../views/schedules/schedules.tsx';
import { Workers } from '../views/workers/workers.tsx';
import { Account } from './account.tsx';
import { LiveMark } from './live-mark.tsx';
import { PauseBanner } from './pause-banner.tsx';
import styles from './shell.module.css';

const PLACES = [
  ['/', 'Now'],
  ['/proposals', 'Proposals'],
  ['/missions', 'Missions'],
  ['/events', 'Events'],
  ['/policy', 'Policy'],
  ['/agents', 'Agents'],
  ['/schedules', 'Schedules'],
  ['/workers', 'Workers'],
  ['/files', 'Files'],
] as const;

/** What stands around every view. */
export function Shell({ isOutdated }: { isOutdated: boolean }) {
  const [place] = useLocation();
  const before = useRef(place);
  useEffect(() => {
    // The link that led here is gone; whoever uses the keyboard goes on in the new view.
    if (before.current !== place && document.activeElement === document.body)
      document.getElementById('view')?.focus();
    before.current = place;
  }, [place]);
  const { why } = useStore(session);
  const isHere = (href: string) => (href === '/' ? place === '/' : place.startsWith(href));
  return (
    <>
      <a className={styles.skip} href="#view">
        To the content
      </a>
      <header className={styles.top}>
        <span className={styles.name}>opsloop</span>
        <LiveMark />
        <Account />
      </header>
      <nav className={styles.nav} aria-label="Views">
        <ul>
          {PLACES.map(([href, name]) => (
            <li key={href}>
              <Link href={href} aria-current={isHere(href) ? 'page' : undefined}>
                {name}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="view" className={styles.view} tabIndex={-1}>
        {isOutdated && (
          <p className={styles.banner} role="status">
            The server is another version than this page. <a href={place}>Load the page of that version</a>
          </p>
        )}
        {why !== null && (
          <p className={styles.banner} role="status">
            {why}
          </p>
        )}
        <PauseBanner />
        <Switch>
          <Route path="/" component={Now} />
          <Route path="/proposals" component={Proposals} />
          <Route path="/proposals/:id">{({ id }) => <Proposal key={id} id={id} />}</Route>
          <Route path="/missions" component={Missions} />
          <Route path="/missions/:id">{({ id }) => <Mission key={id} id={id} />}</Route>
          <Route path="/events" component={Events} />
          <Route path="/policy">
            <Policy name={null} />
          </Route>
          <Route path="/policy/:name">{({ name }) => <Policy key={name} name={name} />}</Route>
          <Route path="/agents">
            <Agents id={null} />
          </Route>
          <Route path="/agents/:id">{({ id }) => <Agents key={id} id={id} />}</Route>
          <Route path="/schedules">
            <Schedules name={null} />
          </Route>
          <Route path="/schedules/:name">{({ name }) => <Schedules key={name} name={name} />}</Route>
          <Route path="/workers" component={Workers} />
          <Route path="/files" component={Files} />
          <Route>
            <Page title="There is no such page">
              <p>
                Go to <Link href="/">Now</Link>, or choose a view above.
              </p>
            </Page>
          </Route>
        </Switch>
      </main>
    </>
  );
}
