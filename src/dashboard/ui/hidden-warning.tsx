import { hiddenName, splitHidden } from '../../lib/visible.ts';
import { Button } from './button.tsx';
import styles from './answer.module.css';

/** Beside a field with an agent's words: a field cannot show characters that hide or turn text. */
export function HiddenWarning({ text, onClean }: { text: string; onClean: (text: string) => void }) {
  const parts = splitHidden(text);
  const names = [...new Set(parts.filter(({ hidden }) => hidden).map((part) => hiddenName(part.text)))];
  if (names.length === 0) return null;
  const clean = parts
    .filter(({ hidden }) => !hidden)
    .map((part) => part.text)
    .join('');
  return (
    <div role="alert" className={styles.error}>
      It holds characters that cannot be seen or turn the text around: {names.join(', ')}.
      <Button onClick={() => onClean(clean)}>Take them out</Button>
    </div>
  );
}
