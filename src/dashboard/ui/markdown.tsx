import { lazy, Suspense, useState } from 'react';
import { visible } from '../../lib/visible.ts';
import { AgentText } from './agent-text.tsx';
import { Button } from './button.tsx';
import styles from './markdown.module.css';

const Rendered = lazy(() =>
  import('./rendered-markdown.tsx').then(
    ({ Rendered }) => ({ default: Rendered }),
    // The server is away, or is a newer one that has another file in its place.
    () => ({ default: AsWritten }),
  ),
);

function AsWritten({ text }: { text: string }) {
  return <AgentText text={text} lines />;
}

/** An agent's Markdown, drawn without anything that loads, runs or leads away by itself; and as it was written. */
export function Markdown({ text }: { text: string }) {
  const [raw, setRaw] = useState(false);
  return (
    <div className={styles.frame}>
      <Button look="quiet" aria-pressed={raw} onClick={() => setRaw(!raw)}>
        {raw ? 'Show formatted' : 'Show as written'}
      </Button>
      {raw ? (
        <AgentText text={text} lines />
      ) : (
        <Suspense fallback={<AgentText text={text} lines />}>
          <div className={styles.text}>
            <Rendered text={visible(text)} />
          </div>
        </Suspense>
      )}
    </div>
  );
}
