import type { Step } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { AgentLink, MissionLink } from '../../ui/links.tsx';
import { Since } from '../../ui/time.tsx';
import styles from './workers.module.css';

/** Most that are listed of one worker: tiny steps are held by the hundred. */
const MOST_LISTED = 10;

/** The steps under way, the longest first. */
export function HeldSteps({ steps, count }: { steps: readonly Step[]; count: number }) {
  const listed = steps
    .toSorted((a, b) => (a.claimed_at ?? '').localeCompare(b.claimed_at ?? ''))
    .slice(0, MOST_LISTED);
  const more = Math.max(count, steps.length) - listed.length;
  if (listed.length === 0 && more === 0) return <p className={styles.quiet}>Holds nothing now.</p>;
  return (
    <>
      <ul className={styles.held} aria-label="What it holds">
        {listed.map((step) => (
          <li key={step.id}>
            <strong>
              <AgentText text={step.kind} />
            </strong>{' '}
            {step.mission_id === null ? (
              <AgentText text={step.title} />
            ) : (
              <MissionLink id={step.mission_id} title={step.title} />
            )}{' '}
            <span className={styles.quiet}>
              for <AgentLink id={step.agent_id} />, <Since at={step.claimed_at} />
              {step.attempt > 1 && `, attempt ${step.attempt}`}
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p className={styles.quiet}>and {sayNumber(more)} more</p>}
    </>
  );
}
