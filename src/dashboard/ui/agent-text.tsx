import { hiddenName, splitHidden } from '../../lib/visible.ts';
import styles from './agent-text.module.css';

/**
 * Text that an agent wrote: shown as text, kept apart from what stands around it, with characters that would hide or
 * turn something made visible.
 */
export function AgentText({ text, lines = false }: { text: string; lines?: boolean }) {
  return (
    <bdi className={lines ? styles.lines : styles.text}>
      {splitHidden(text).map((part, index) =>
        part.hidden ? (
          <mark key={index} className={styles.hidden} title={`a hidden character: ${hiddenName(part.text)}`}>
            {hiddenName(part.text)}
          </mark>
        ) : (
          part.text
        ),
      )}
    </bdi>
  );
}
