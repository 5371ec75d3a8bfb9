import { useQuery } from '@tanstack/react-query';
import type { PastBeat } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import { ActionRuns } from './action-runs.tsx';
import { beatsQuery } from './queries.ts';
import styles from './workers.module.css';

/** The last beats, each with what its actions did. */
export function PastBeats() {
  const asking = useQuery(beatsQuery);
  return (
    <Panel title="The last beats">
      <Answer of={asking} what="last beats">
        {(beats) =>
          beats.length === 0 ? (
            <Empty>There was no beat yet. Run one above, or wait for the server to do it.</Empty>
          ) : (
            <ul className={styles.beats}>
              {beats.map((beat) => (
                <li key={beat.id}>
                  <OneBeat beat={beat} />
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </Panel>
  );
}

function OneBeat({ beat: { started_at, finished_at, asked_by, actions } }: { beat: PastBeat }) {
  const failed = actions.filter(({ status }) => status === 'error').length;
  return (
    <details>
      <summary className={styles.summary}>
        {finished_at === null ? (
          <Badge state="running" label="under way" />
        ) : failed === 0 ? (
          <Badge state="ok" />
        ) : (
          <Badge state="error" label={`${failed} of ${actions.length} failed`} />
        )}{' '}
        <Time at={started_at} />
        {finished_at !== null && <>, took {sayDuration(Date.parse(finished_at) - Date.parse(started_at))}</>},
        asked by <AgentText text={asked_by} />
      </summary>
      <ActionRuns caption="What its actions did" runs={actions} />
    </details>
  );
}
