import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { agentsQuery } from '../../data/agents.ts';
import { useRefusal } from '../../data/me.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Select, TextArea, TextField } from '../../ui/field.tsx';
import { addSchedule, type NewSchedule as Wanted } from './queries.ts';

const WHEN = [
  { value: 'cron', label: 'by the clock (cron)' },
  { value: 'every', label: 'by an interval' },
  { value: 'at', label: 'once' },
];
const MISSED = [
  { value: 'once', label: 'propose once, for the newest' },
  { value: 'skip', label: 'leave them out' },
  { value: 'all', label: 'propose each, the newest 10 at most' },
] as const;

const EMPTY = {
  name: '',
  agent: '',
  kind: 'analysis',
  title: '',
  body: '',
  when: 'cron',
  cron: '0 8 * * 1-5',
  minutes: '60',
  at: '',
  timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  missed: 'once',
};
type Form = typeof EMPTY;

export function NewSchedule({ onClose }: { onClose: () => void }) {
  const agents = useQuery(agentsQuery).data?.agents ?? [];
  const [form, setForm] = useState(EMPTY);
  const [, go] = useLocation();
  const agentId = form.agent || agents[0]?.agent_id || '';
  const adding = useMutation({
    mutationFn: () => addSchedule(toSchedule({ ...form, agent: agentId })),
    onSuccess: ({ schedule }) => go(`/schedules/${schedule.name}`),
  });
  /** What a field needs to show and change a member of the form. */
  const field = (member: keyof Form) => ({
    value: form[member],
    onChange: (event: { target: { value: string } }) => setForm({ ...form, [member]: event.target.value }),
  });
  return (
    <Dialog
      title="New schedule"
      verb="Add the schedule"
      busy={adding.isPending}
      error={adding.error}
      refusal={useRefusal('admin')}
      onSubmit={() => adding.mutate()}
      onClose={onClose}
    >
      <TextField
        label="Name"
        hint="Letters, digits, dots, dashes; it cannot be changed later."
        required
        maxLength={64}
        pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*"
        {...field('name')}
      />
      <Select label="When" choices={WHEN} {...field('when')} />
      {form.when === 'cron' && (
        <>
          <TextField
            label="Cron"
            hint="minute hour day-of-month month day-of-week; 0 8 * * 1-5 is 08:00 on working days."
            required
            maxLength={100}
            {...field('cron')}
          />
          <TextField label="Time zone" required maxLength={64} {...field('timezone')} />
        </>
      )}
      {form.when === 'every' && (
        <TextField
          label="Minutes between two"
          type="number"
          min={1}
          max={527_040}
          required
          {...field('minutes')}
        />
      )}
      {form.when === 'at' && (
        <TextField label="Time, as your clock shows it" type="datetime-local" required {...field('at')} />
      )}
      <Select label="Times that were missed" choices={MISSED} {...field('missed')} />
      <Select
        label="For the agent"
        choices={agents.map(({ agent_id }) => ({ value: agent_id, label: agent_id }))}
        {...field('agent')}
        value={agentId}
      />
      <TextField
        label="Kind"
        hint="It decides about gates, approval and steps; see Policy."
        required
        maxLength={64}
        {...field('kind')}
      />
      <TextField label="Title" required maxLength={200} {...field('title')} />
      <TextArea label="Body" {...field('body')} />
    </Dialog>
  );
}

function toSchedule({ name, agent, kind, title, body, missed, ...form }: Form): Wanted {
  return {
    name,
    agent_id: agent,
    kind,
    title,
    body: body === '' ? null : body,
    missed: missed as Wanted['missed'],
    ...toTiming(form),
  };
}

function toTiming({
  when,
  cron,
  minutes,
  at,
  timezone,
}: Pick<Form, 'when' | 'cron' | 'minutes' | 'at' | 'timezone'>) {
  if (when === 'every') return { every_seconds: Number(minutes) * 60 };
  return when === 'at' ? { at: new Date(at).toISOString() } : { cron, timezone };
}
