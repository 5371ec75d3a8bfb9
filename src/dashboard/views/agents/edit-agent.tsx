import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { agentsQuery } from '../../data/agents.ts';
import { useRefusal } from '../../data/me.ts';
import type { Agent } from '../../data/types.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/field.tsx';
import { type AgentEdit, saveAgent } from './queries.ts';

/** Changes an agent, or makes one. */
export function EditAgent({ agent, onClose }: { agent: Agent | null; onClose: () => void }) {
  const [id, setId] = useState(agent?.agent_id ?? '');
  const [name, setName] = useState(agent?.display_name ?? '');
  const [role, setRole] = useState(agent?.role ?? '');
  const [model, setModel] = useState(agent?.model_override ?? '');
  const [, go] = useLocation();
  const refusal = useRefusal('admin');
  const agents = useQuery(agentsQuery).data?.agents ?? [];
  const isTaken = agent === null && agents.some(({ agent_id }) => agent_id === id);
  const saving = useMutation({
    mutationFn: () =>
      saveAgent(id, {
        ...changed('display_name', agent?.display_name, name),
        ...changed('role', agent?.role, role),
        ...changed('model_override', agent?.model_override, model),
      }),
    onSuccess: () => {
      onClose();
      go(`/agents/${id}`);
    },
  });
  return (
    <Dialog
      title={agent === null ? 'New agent' : `Edit ${agent.agent_id}`}
      verb="Save"
      busy={saving.isPending}
      error={saving.error}
      refusal={refusal ?? (isTaken ? `There is an agent "${id}" already; edit it on its page.` : null)}
      onSubmit={() => saving.mutate()}
      onClose={onClose}
    >
      {agent === null && (
        <TextField
          label="Id"
          hint="Letters, digits, dots, dashes; it cannot be changed later."
          required
          maxLength={64}
          pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*"
          value={id}
          onChange={(event) => setId(event.target.value)}
        />
      )}
      <TextField
        label="Display name"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label="Role"
        hint="It stands in the prompts of its steps."
        maxLength={64}
        value={role}
        onChange={(event) => setRole(event.target.value)}
      />
      <TextField
        label="Model"
        hint="A name as Ollama has it, or provider:model. Empty: the default."
        maxLength={200}
        value={model}
        onChange={(event) => setModel(event.target.value)}
      />
    </Dialog>
  );
}

/** What is left as it is, is not sent: somebody else may have changed it. */
function changed(name: keyof AgentEdit, before: string | null | undefined, text: string): AgentEdit {
  return text === (before ?? '') ? {} : { [name]: text || null };
}
