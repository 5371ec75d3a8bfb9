import { useEffect, useRef, useState } from 'react';
import type { FilesStatus } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Time } from '../../ui/time.tsx';
import styles from './files.module.css';
import { ResumeDialog } from './resume-dialog.tsx';

const MODES = {
  process: 'Files of the inbox are taken and worked.',
  observe: 'Somebody else works the files; opsloop writes down what happens, and executes nothing.',
  off: 'Files are off: only published outputs are written.',
};

/** How the workspace is, and what holds it up. */
export function Workspace({ status }: { status: FilesStatus }) {
  const { workspace, mode, held_by, halted, problems, refused, waiting, file_events } = status;
  const [isAsking, setAsking] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const wasHalted = useRef(false);
  useEffect(() => {
    if (halted !== null) wasHalted.current = true;
    else if (wasHalted.current && !isAsking) {
      wasHalted.current = false;
      // The button that ended it is gone; whoever used it stays where they were.
      if (document.activeElement === document.body) place.current?.focus();
    }
  }, [halted, isAsking]);
  return (
    <div ref={place} tabIndex={-1}>
      {halted !== null && (
        <div className={styles.halted}>
          <p>
            <Badge state="error" label="halted" /> No file is taken since <Time at={halted.at} />:{' '}
            <AgentText text={halted.reason} />
          </p>
          <ScopedButton scope="admin" onClick={() => setAsking(true)}>
            Take files again
          </ScopedButton>
        </div>
      )}
      <Facts
        facts={{
          Folder: <AgentText text={workspace} />,
          Mode:
            mode === null ? (
              'none: this server does not own the workspace'
            ) : (
              <>
                <strong>{mode}</strong>. {MODES[mode]}
              </>
            ),
          Owner: held_by === null ? 'this server' : <AgentText text={held_by} />,
          'Found by':
            mode === null || mode === 'off'
              ? null
              : file_events
                ? 'file events, at once, and a look every few seconds'
                : 'a look every second: here are no file events',
          Problems: problems.length === 0 ? null : <Lines of={problems} />,
          'Waits for a cap':
            waiting.length === 0 ? null : (
              <ul className={styles.lines}>
                {waiting.map(({ scope, gate, limit, count, resets_at }) => (
                  <li key={`${gate} ${scope}`}>
                    <Badge state="paused" label={`${sayNumber(count)} wait`} /> <AgentText text={gate} />{' '}
                    {limit === 0 ? 'allows none' : `of ${sayNumber(limit)} is reached`} for{' '}
                    <AgentText text={scope} />
                    {limit === 0 ? (
                      ', until the policy is changed'
                    ) : (
                      <>
                        ; it begins anew <Time at={resets_at} />
                      </>
                    )}
                  </li>
                ))}
              </ul>
            ),
          Refused:
            refused.length === 0 ? null : (
              <Lines of={refused.map(({ name, problem }) => `${name}: ${problem}`)} />
            ),
        }}
      />
      {isAsking && <ResumeDialog onClose={() => setAsking(false)} />}
    </div>
  );
}

function Lines({ of }: { of: readonly string[] }) {
  return (
    <ul className={styles.lines}>
      {of.map((line) => (
        <li key={line}>
          <AgentText text={line} />
        </li>
      ))}
    </ul>
  );
}
