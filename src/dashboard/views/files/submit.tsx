import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { FilesStatus } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Failure } from '../../ui/answer.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { TextArea, TextField } from '../../ui/field.tsx';
import { Panel } from '../../ui/panel.tsx';
import styles from './files.module.css';
import { submitting } from './queries.ts';

/** Puts a task into the inbox, as if a person had saved it there. */
export function Submit({ status }: { status: FilesStatus }) {
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const submit = useMutation(submitting);
  const send = () =>
    submit.mutate(
      { name, text },
      {
        onSuccess: () => {
          setName('');
          setText('');
        },
      },
    );
  return (
    <Panel title="Submit a task">
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!submit.isPending) send();
        }}
      >
        <TextField
          label="Name (may be left out)"
          hint="Letters, digits, dot, - and _; a number is added where it is taken. GOAL_… is worked out into up to 6 tasks."
          maxLength={120}
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <TextArea label="Task" required value={text} onChange={(event) => setText(event.target.value)} />
        <details>
          <summary className={styles.summary}>What a task can say</summary>
          <Conventions />
        </details>
        <Failure error={submit.error} />
        <p>
          <ScopedButton
            scope="propose"
            submit
            look="primary"
            busy={submit.isPending}
            refusal={whyNot(status)}
          >
            Put into the inbox
          </ScopedButton>
        </p>
        <p role="status">
          {submit.data && (
            <>
              It is in the inbox as <AgentText text={submit.data.file} />. Its proposal appears below as soon
              as it is taken.
            </>
          )}
        </p>
      </form>
    </Panel>
  );
}

function whyNot({ mode, held_elsewhere, held_by }: FilesStatus): string | null {
  if (mode === 'off') return 'Files are off on this server; create a proposal instead.';
  return held_elsewhere ? `${held_by} Submit it there.` : null;
}

function Conventions() {
  return (
    <ul className={styles.lines}>
      <li>
        <code>@research:</code> at the beginning: it acts as that agent; without one as <code>pm</code>
      </li>
      <li>
        <code>STRICT:</code> exactly what is asked, without headings and a checklist
      </li>
      <li>
        <code>EXEC: command</code> runs a command, once an operator has approved it
      </li>
      <li>
        An answer with lines <code>NEXT: name | @role: body</code> makes up to 10 new tasks
      </li>
    </ul>
  );
}
