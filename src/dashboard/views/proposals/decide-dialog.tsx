import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { sayError } from '../../data/client.ts';
import { useRefusal } from '../../data/me.ts';
import type { Proposal } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/field.tsx';
import { approve, reject } from './queries.ts';

export type Deciding = {
  verb: 'approve' | 'reject';
  proposals: readonly Pick<Proposal, 'id' | 'title' | 'kind'>[];
};

const WORDS = {
  approve: {
    title: 'Approve',
    what: 'becomes a mission, and its first step is worked as soon as a worker is free.',
  },
  reject: { title: 'Reject', what: 'ends here. Its place under the caps of today is not given back.' },
};

/** Decides one or several, one after the other; what could not be decided is told and stays. */
export function DecideDialog({
  verb,
  proposals,
  onDone,
  onClose,
}: Deciding & { onDone?: () => void; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const decide = async () => {
    const failures: string[] = [];
    for (const { id, title } of proposals) {
      const decided = verb === 'approve' ? approve(id, reason === '' ? {} : { reason }) : reject(id, reason);
      await decided.catch((error: unknown) => failures.push(`"${title}": ${sayError(error)}`));
    }
    if (failures.length > 0) throw new Error(failures.join(' '));
  };
  const deciding = useMutation({
    mutationFn: decide,
    onSuccess: () => {
      onDone?.();
      onClose();
    },
  });
  const { title, what } = WORDS[verb];
  const many = proposals.length > 1;
  return (
    <Dialog
      title={many ? `${title} ${proposals.length} proposals?` : `${title} this proposal?`}
      verb={title}
      danger={verb === 'reject'}
      busy={deciding.isPending}
      error={deciding.error}
      refusal={useRefusal('approve')}
      onSubmit={() => deciding.mutate()}
      onClose={onClose}
    >
      <ul>
        {proposals.map((one) => (
          <li key={one.id}>
            <AgentText text={one.title} /> (<AgentText text={one.kind} />)
          </li>
        ))}
      </ul>
      <p>
        {many ? 'Each' : 'It'} {what}
      </p>
      <TextField
        label="Reason (kept in the event log)"
        maxLength={1000}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </Dialog>
  );
}
