import type { Step } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { Json } from '../../ui/json.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { Since } from '../../ui/time.tsx';
import { Attempts } from './attempts.tsx';
import styles from './mission.module.css';
import type { Attempt } from './queries.ts';

/** One step of the timeline: where it is, what was tried, what went in and what came out. */
export function StepBlock({ step, attempts }: { step: Step; attempts: readonly Attempt[] }) {
  const { position, kind, status, claimed_at, completed_at, failure, input, output } = step;
  const text = textOf(output);
  return (
    <li className={styles.step} data-status={status}>
      <div className={styles.head}>
        <h3>
          {position}. <AgentText text={kind} />
        </h3>
        <Badge state={status} />
        <span className={styles.quiet}>
          {status === 'running' && <Since at={claimed_at} />}
          {completed_at &&
            claimed_at &&
            `took ${sayDuration(Date.parse(completed_at) - Date.parse(claimed_at))}`}
          {status === 'queued' && step.available_at === null && !step.ready && 'waits for the step before it'}
        </span>
      </div>
      {failure && (
        <p className={styles.quiet}>
          {failure.class}: <AgentText text={failure.message} />
        </p>
      )}
      <div className={styles.body}>
        {attempts.length > 0 && <Attempts attempts={attempts} step={step} />}
        {text !== null && <Markdown text={text} />}
        {input !== null && (
          <details>
            <summary>Input</summary>
            <Json value={input} label={`Input of step ${position}`} />
          </details>
        )}
        {output !== null && (
          <details>
            <summary>Output, raw</summary>
            <Json value={output} label={`Output of step ${position}`} />
          </details>
        )}
      </div>
    </li>
  );
}

/** What of an output is for people to read. */
function textOf(output: unknown): string | null {
  if (typeof output === 'string') return output;
  if (typeof output !== 'object' || output === null) return null;
  const { text } = output as { text?: unknown };
  return typeof text === 'string' ? text : null;
}
