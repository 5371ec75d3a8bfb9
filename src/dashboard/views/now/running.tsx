import { AgentText } from '../../ui/agent-text.tsx';
import { Empty } from '../../ui/answer.tsx';
import { First } from '../../ui/first.tsx';
import { AgentLink, MissionLink } from '../../ui/links.tsx';
import { Table } from '../../ui/table.tsx';
import { Since } from '../../ui/time.tsx';
import type { Attention } from './queries.ts';

export function Running({ steps }: { steps: Attention['running'] }) {
  if (steps.length === 0) return <Empty>No step is being worked.</Empty>;
  return (
    <First rows={steps} most={8} what="steps">
      {(rows) => <RunningTable steps={rows} />}
    </First>
  );
}

function RunningTable({ steps }: { steps: readonly Attention['running'][number][] }) {
  return (
    <Table
      caption="Steps that run, the oldest first"
      rows={steps}
      keyOf={({ id }) => id}
      columns={[
        {
          name: 'Mission',
          cell: ({ mission_id, title }) =>
            mission_id === null ? <AgentText text={title} /> : <MissionLink id={mission_id} title={title} />,
        },
        { name: 'Step', cell: ({ kind }) => <AgentText text={kind} /> },
        { name: 'Agent', cell: ({ agent_id }) => <AgentLink id={agent_id} /> },
        { name: 'Since', numeric: true, cell: ({ claimed_at }) => <Since at={claimed_at} /> },
        { name: 'Attempt', numeric: true, cell: ({ attempt }) => attempt },
      ]}
    />
  );
}
