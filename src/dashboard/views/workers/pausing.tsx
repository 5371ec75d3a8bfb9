import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { healthQuery } from '../../data/health.ts';
import { resuming } from '../../data/pausing.ts';
import { Answer, Failure } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Panel } from '../../ui/panel.tsx';
import { PauseDialog } from '../../ui/pause-dialog.tsx';
import { PausedAgents } from './paused-agents.tsx';
import styles from './workers.module.css';

/** The brake: of everything, or of one agent. */
export function Pausing() {
  const asking = useQuery(healthQuery);
  const resume = useMutation(resuming);
  const [isAsking, setAsking] = useState(false);
  return (
    <Panel title="Pause">
      <Answer of={asking} what="health">
        {({ paused }) => (
          <>
            <p role="status" className={styles.line}>
              {paused.enabled ? (
                <>
                  <Badge state="paused" /> No step begins. Proposals are taken and decided as always.
                </>
              ) : (
                <>
                  <Badge state="running" /> Steps begin as soon as a worker is free.
                </>
              )}
            </p>
            <p className={styles.line}>
              <ScopedButton
                scope="admin"
                look={paused.enabled ? 'primary' : 'danger'}
                busy={resume.isPending}
                onClick={() => (paused.enabled ? resume.mutate(null) : setAsking(true))}
              >
                {paused.enabled ? 'Resume everything' : 'Pause everything'}
              </ScopedButton>
            </p>
            <Failure error={resume.error} />
            <PausedAgents paused={paused.agents} />
          </>
        )}
      </Answer>
      {isAsking && <PauseDialog whom={null} onClose={() => setAsking(false)} />}
    </Panel>
  );
}
