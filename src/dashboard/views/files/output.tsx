import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer } from '../../ui/answer.tsx';
import { Button } from '../../ui/button.tsx';
import { Copy } from '../../ui/copy.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { Panel } from '../../ui/panel.tsx';
import styles from './files.module.css';
import { outputQuery } from './queries.ts';

/** Formatting more than this would hold up the page. */
const MOST_FORMATTED = 300_000;

/** One output: its text, formatted and as it was written. */
export function OutputPanel({ name, onClose }: { name: string; onClose: () => void }) {
  const asking = useQuery(outputQuery(name));
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const close = () => {
    // Where it stands the page's parts move up; the focus goes to what holds them.
    document.getElementById('view')?.focus({ preventScroll: true });
    onClose();
  };
  return (
    <div ref={place} tabIndex={-1}>
      <Panel
        title={
          <>
            Output: <AgentText text={name} />
          </>
        }
        actions={
          <>
            {asking.data && <Copy text={asking.data.content} what="the text of the output" />}
            <Button onClick={close}>Close</Button>
          </>
        }
      >
        <Answer of={asking} what="output">
          {({ content }) =>
            content.length > MOST_FORMATTED ? (
              <div className={styles.list} tabIndex={0} role="region" aria-label="Text of the output">
                <AgentText text={content} lines />
              </div>
            ) : (
              <Markdown text={content} />
            )
          }
        </Answer>
      </Panel>
    </div>
  );
}
