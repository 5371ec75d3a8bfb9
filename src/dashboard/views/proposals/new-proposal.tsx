import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { agentsQuery } from '../../data/agents.ts';
import { useMe, useRefusal } from '../../data/me.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Select, TextArea, TextField } from '../../ui/field.tsx';
import { propose } from './queries.ts';

/** Proposes like any agent does: through the gates, under the caps. */
export function NewProposal({ onClose }: { onClose: () => void }) {
  const own = useMe().session.agent_id;
  const agents = useQuery(agentsQuery).data?.agents ?? [];
  const [agent, setAgent] = useState(own ?? '');
  const [kind, setKind] = useState('analysis');
  const [title, setTitle] = useState('');
  const [body, setBody] = useState('');
  const [, go] = useLocation();
  const agentId = agent || agents[0]?.agent_id || '';
  const proposing = useMutation({
    mutationFn: () => propose({ agent_id: agentId, kind, title, body: body === '' ? null : body }),
    onSuccess: ({ proposal }) => go(`/proposals/${proposal.id}`),
  });
  return (
    <Dialog
      title="New proposal"
      verb="Propose"
      busy={proposing.isPending}
      error={proposing.error}
      refusal={useRefusal('propose')}
      onSubmit={() => proposing.mutate()}
      onClose={onClose}
    >
      <Select
        label="For the agent"
        choices={agents.map(({ agent_id }) => ({ value: agent_id, label: agent_id }))}
        value={agentId}
        onChange={(event) => setAgent(event.target.value)}
      />
      <TextField
        label="Kind"
        hint="It decides about gates, approval and steps; see Policy."
        required
        maxLength={64}
        value={kind}
        onChange={(event) => setKind(event.target.value)}
      />
      <TextField
        label="Title"
        required
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <TextArea label="Body" value={body} onChange={(event) => setBody(event.target.value)} />
    </Dialog>
  );
}
