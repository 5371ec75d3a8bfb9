import { AgentText } from './agent-text.tsx';
import styles from './json.module.css';

/** A value as JSON. What is in it can come from an agent, so it is shown like an agent's text. */
export function Json({ value, label }: { value: unknown; label: string }) {
  return (
    // It scrolls, so it must be reachable by keyboard.
    <pre className={styles.json} tabIndex={0} role="region" aria-label={label}>
      <AgentText text={JSON.stringify(value, null, 2) ?? 'undefined'} lines />
    </pre>
  );
}
