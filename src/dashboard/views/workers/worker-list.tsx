import { useQuery } from '@tanstack/react-query';
import type { Step, Worker } from '../../data/types.ts';
import { Answer, Empty } from '../../ui/answer.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { Panel } from '../../ui/panel.tsx';
import { EndedWorkers } from './ended-workers.tsx';
import { HeldSteps } from './held-steps.tsx';
import { runningQuery, workersQuery } from './queries.ts';
import { WorkerCard } from './worker-card.tsx';
import styles from './workers.module.css';

export function WorkerList() {
  const workers = useQuery(workersQuery);
  const running = useQuery(runningQuery);
  const steps = running.data ?? [];
  return (
    <Answer of={workers} what="workers">
      {(found) => {
        const present = found.filter(({ ended_at }) => ended_at === null);
        const ended = found.filter(({ ended_at }) => ended_at !== null);
        return (
          <>
            <Panel title={`At work: ${sayNumber(present.length)}`}>
              {present.length === 0 && (
                <Empty>
                  No worker is alive, so no step begins. Start one with <code>opsloop worker</code>, or the
                  whole server with <code>opsloop up</code>.
                </Empty>
              )}
              <ul className={styles.cards}>
                {present.map((worker) => (
                  <li key={worker.worker_id}>
                    <WorkerCard worker={worker}>
                      <HeldSteps
                        steps={steps.filter(({ worker_id }) => worker_id === worker.worker_id)}
                        count={worker.holds}
                      />
                    </WorkerCard>
                  </li>
                ))}
              </ul>
              <Answer of={running} what="running steps">
                {(all) => <Orphans steps={all} present={present} />}
              </Answer>
            </Panel>
            {ended.length > 0 && <EndedWorkers workers={ended} />}
          </>
        );
      }}
    </Answer>
  );
}

/** Steps whose worker has ended: for some seconds, until they are found and given back. */
function Orphans({ steps, present }: { steps: readonly Step[]; present: readonly Worker[] }) {
  const known = new Set(present.map(({ worker_id }) => worker_id));
  const orphans = steps.filter(({ worker_id }) => worker_id !== null && !known.has(worker_id));
  if (orphans.length === 0) return null;
  return (
    <div className={styles.orphans}>
      <h3>Held by a worker that has ended</h3>
      <p>A worker or the next beat gives them back to the queue.</p>
      <HeldSteps steps={orphans} count={orphans.length} />
    </div>
  );
}
