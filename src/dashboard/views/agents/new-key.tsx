import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { useRefusal } from '../../data/me.ts';
import type { Scope } from '../../data/types.ts';
import { Copy } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Check, Select, TextField } from '../../ui/field.tsx';
import styles from './agents.module.css';
import { createKey } from './queries.ts';

const SCOPES: Record<Scope, string> = {
  propose: 'propose',
  read: 'read',
  emit: 'report events',
  work: 'work steps',
  approve: 'approve, reject, cancel, retry',
  admin: 'policy, agents, keys, pause',
};
/** Agents never decide. */
const OPERATORS_ONLY: readonly string[] = ['approve', 'admin'];

/** Makes a key and shows it, once. */
export function NewKeyDialog({ onClose }: { onClose: () => void }) {
  const agents = useQuery(agentsQuery).data?.agents ?? [];
  const [name, setName] = useState('');
  const [agent, setAgent] = useState('');
  const [scopes, setScopes] = useState<readonly Scope[]>(['propose', 'read']);
  const [days, setDays] = useState('');
  const refusal = useRefusal('admin');
  const allowed = (Object.keys(SCOPES) as Scope[]).filter(
    (one) => agent === '' || !OPERATORS_ONLY.includes(one),
  );
  const chosen = scopes.filter((one) => allowed.includes(one));
  const creating = useMutation({
    mutationFn: () =>
      createKey({
        name,
        scopes: chosen,
        agent_id: agent || null,
        ...(days === '' ? {} : { expires_in_days: Number(days) }),
      }),
  });
  if (creating.data)
    return (
      <Dialog key="made" guard title="The key" verb="I have kept it" onSubmit={onClose} onClose={onClose}>
        <p>It is shown now and never again. Put it where its user finds it.</p>
        <code className={styles.key}>{creating.data.key}</code>
        <Copy text={creating.data.key} what="the key" />
      </Dialog>
    );
  return (
    <Dialog
      title="New key"
      verb="Make the key"
      busy={creating.isPending}
      error={creating.error}
      refusal={refusal ?? (chosen.length === 0 ? 'Choose what it may do.' : null)}
      onSubmit={() => creating.mutate()}
      onClose={onClose}
    >
      <TextField
        label="Name"
        hint="Who or what uses it."
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Select
        label="It speaks for"
        choices={[
          { value: '', label: 'an operator' },
          ...agents.map(({ agent_id }) => ({ value: agent_id, label: `the agent ${agent_id}` })),
        ]}
        value={agent}
        onChange={(event) => setAgent(event.target.value)}
      />
      <fieldset className={styles.scopes}>
        <legend>It may</legend>
        {allowed.map((one) => (
          <Check
            key={one}
            label={SCOPES[one]}
            checked={scopes.includes(one)}
            onChange={(event) =>
              setScopes(event.target.checked ? [...scopes, one] : scopes.filter((other) => other !== one))
            }
          />
        ))}
      </fieldset>
      <TextField
        label="Days until it expires"
        hint="Empty: never."
        type="number"
        min={1}
        max={3650}
        value={days}
        onChange={(event) => setDays(event.target.value)}
      />
    </Dialog>
  );
}
