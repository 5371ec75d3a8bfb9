import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefusal } from '../../data/me.ts';
import type { Proposal } from '../../data/types.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { TextArea, TextField } from '../../ui/field.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { HiddenWarning } from '../../ui/hidden-warning.tsx';
import { approve } from './queries.ts';

/** Approves another wording; what the agent wrote is kept beside it. */
export function EditDialog({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const [title, setTitle] = useState(proposal.title);
  const [body, setBody] = useState(proposal.body ?? '');
  const [reason, setReason] = useState('');
  const approving = useMutation({
    mutationFn: () =>
      approve(proposal.id, {
        ...(title === proposal.title ? {} : { title }),
        ...(body === (proposal.body ?? '') ? {} : { body: body === '' ? null : body }),
        ...(reason === '' ? {} : { reason }),
      }),
    onSuccess: onClose,
  });
  return (
    <Dialog
      title="Edit and approve"
      verb="Approve as edited"
      busy={approving.isPending}
      error={approving.error}
      guard={title !== proposal.title || body !== (proposal.body ?? '')}
      refusal={useRefusal('approve')}
      onSubmit={() => approving.mutate()}
      onClose={onClose}
    >
      <TextField
        label="Title"
        required
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <HiddenWarning text={title} onClean={setTitle} />
      <TextArea label="Body" rows={12} value={body} onChange={(event) => setBody(event.target.value)} />
      <HiddenWarning text={body} onClean={setBody} />
      <ReasonField value={reason} onChange={setReason} />
      <p>The agent's own words are kept beside yours.</p>
    </Dialog>
  );
}
