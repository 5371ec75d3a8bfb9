import { useMutation, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { resuming } from '../../data/pausing.ts';
import { Answer, Failure } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Fields, Select } from '../../ui/field.tsx';
import { AgentLink } from '../../ui/links.tsx';
import { PauseDialog } from '../../ui/pause-dialog.tsx';
import styles from './workers.module.css';

/** Which agents are paused by themselves, and one more. */
export function PausedAgents({ paused }: { paused: readonly string[] }) {
  const asking = useQuery(agentsQuery);
  const resume = useMutation(resuming);
  const heading = useRef<HTMLHeadingElement>(null);
  const [chosen, setChosen] = useState('');
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <h3 ref={heading} tabIndex={-1}>
        One agent
      </h3>
      {paused.length > 0 && (
        <ul className={styles.paused} aria-label="Paused agents">
          {paused.map((id) => (
            <li key={id}>
              <Badge state="paused" /> <AgentLink id={id} />
              <ScopedButton
                scope="admin"
                aria-label={`Resume ${id}`}
                busy={resume.isPending && resume.variables === id}
                // The button goes with its agent; the focus must not.
                onClick={() => resume.mutate(id, { onSuccess: () => heading.current?.focus() })}
              >
                Resume
              </ScopedButton>
            </li>
          ))}
        </ul>
      )}
      <Failure error={resume.error} />
      <Answer of={asking} what="agents">
        {({ agents }) => (
          <Fields>
            <Select
              label="Agent"
              value={chosen}
              onChange={(event) => setChosen(event.target.value)}
              choices={[
                { value: '', label: 'choose one' },
                ...agents
                  .filter(({ agent_id }) => !paused.includes(agent_id))
                  .map(({ agent_id }) => ({ value: agent_id, label: agent_id })),
              ]}
            />
            <ScopedButton
              scope="admin"
              look="danger"
              refusal={chosen === '' ? 'Choose the agent first.' : null}
              onClick={() => setAsking(true)}
            >
              Pause it
            </ScopedButton>
          </Fields>
        )}
      </Answer>
      {isAsking && (
        <PauseDialog
          whom={chosen}
          onClose={() => {
            setAsking(false);
            setChosen('');
          }}
        />
      )}
    </>
  );
}
