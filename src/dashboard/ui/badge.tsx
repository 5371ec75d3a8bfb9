import styles from './badge.module.css';
import { lookOf, type Tone } from './vocabulary.ts';

/** A state, by its word and its sign. */
export function Badge({ state, tone, label }: { state: string; tone?: Tone; label?: string }) {
  const look = lookOf(state);
  return (
    <span className={styles.badge} data-tone={tone ?? look.tone}>
      <span aria-hidden="true">{look.sign}</span> {label ?? state}
    </span>
  );
}
