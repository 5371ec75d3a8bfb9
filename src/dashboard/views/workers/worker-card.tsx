import type { ReactNode } from 'react';
import type { Worker } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Since, Time } from '../../ui/time.tsx';
import styles from './workers.module.css';

/** A worker that has not ended. */
export function WorkerCard({ worker, children }: { worker: Worker; children: ReactNode }) {
  const { worker_id, host, version, started_at, alive } = worker;
  return (
    <article className={styles.card} aria-label={`Worker ${host}, ${whereOf(worker)}`}>
      <header className={styles.cardHead}>
        <h3>
          <AgentText text={host} />, {whereOf(worker)}
        </h3>
        {alive ? <Badge state="alive" /> : <Badge state="degraded" label="lease ran out" />}
      </header>
      <Facts
        facts={{
          'Works since': (
            <>
              <Since at={started_at} />, version <AgentText text={version} />
            </>
          ),
          Slots: <Slots of={worker.kinds} />,
          Lease: <Lease worker={worker} />,
          Id: (
            <code>
              <AgentText text={worker_id} />
            </code>
          ),
        }}
      />
      {children}
    </article>
  );
}

export function whereOf({ pid, key_id }: Worker): string {
  return pid === null ? `over HTTP with the key ${key_id}` : `process ${pid}`;
}

/** What it can work at once, by kind of step. */
export function Slots({ of }: { of: Worker['kinds'] }) {
  const kinds = Object.entries(of);
  if (kinds.length === 0) return 'none: it takes no step';
  return (
    <span className={styles.slots}>
      {kinds.map(([kind, slots]) => (
        <span key={kind}>
          <AgentText text={kind} /> {slots}
        </span>
      ))}
    </span>
  );
}

/** It is renewed without a word every few seconds, so that only its end is worth a time. */
function Lease({ worker }: { worker: Worker }) {
  const { alive, renewed_at, lease_expires_at } = worker;
  if (alive)
    return `${sayDuration(Date.parse(lease_expires_at) - Date.parse(renewed_at))}, renewed all the time`;
  return (
    <>
      ran out <Time at={lease_expires_at} />; soon it is declared dead, and what it holds goes back to the
      queue
    </>
  );
}
