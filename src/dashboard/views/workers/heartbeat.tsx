import { useMutation, useQuery } from '@tanstack/react-query';
import { healthQuery } from '../../data/health.ts';
import { Answer, Failure } from '../../ui/answer.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import { ActionRuns } from './action-runs.tsx';
import { beating } from './queries.ts';
import styles from './workers.module.css';

/** When it last beat, and a beat now. */
export function Heartbeat() {
  const asking = useQuery(healthQuery);
  const beat = useMutation(beating);
  return (
    <Panel
      title="Heartbeat"
      actions={
        <ScopedButton scope="admin" busy={beat.isPending} onClick={() => beat.mutate()}>
          {beat.isPending ? 'Beating …' : 'Run a beat now'}
        </ScopedButton>
      }
    >
      <p>
        Every few minutes one server gives back what got stuck, signs the end of the log, and drops what is
        old. It never calls a model.
      </p>
      <Answer of={asking} what="health">
        {({ last_beat_age_seconds: age }) => (
          <p className={styles.line}>
            {age === null ? (
              'There was no beat yet.'
            ) : (
              <>
                The last beat ended <Time at={new Date(asking.dataUpdatedAt - age * 1_000).toISOString()} />.
              </>
            )}
          </p>
        )}
      </Answer>
      <Failure error={beat.error} />
      <div role="status">
        {beat.data && (
          <p className={styles.line}>
            {beat.data.joined ? 'A beat was under way already; it did:' : 'The beat is done; it did:'}
          </p>
        )}
      </div>
      {beat.data && <ActionRuns caption="What the beat did" runs={beat.data.actions} />}
    </Panel>
  );
}
