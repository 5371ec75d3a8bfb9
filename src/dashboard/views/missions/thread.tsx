import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { ThingLink } from '../../ui/links.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import { threadQuery } from './queries.ts';

/** What happened to a proposal, its missions and its steps. */
export function Thread({ proposalId }: { proposalId: string }) {
  const events = useQuery(threadQuery(proposalId));
  return (
    <Panel title="Events" actions={<Link href={`/events?proposal_id=${proposalId}`}>All of them, live</Link>}>
      <Answer of={events} what="events">
        {({ events: rows }) =>
          rows.length === 0 ? (
            <Empty>Nothing of it is sealed yet, or retention has dropped it.</Empty>
          ) : (
            <Table
              caption="Events, the newest first"
              rows={rows}
              keyOf={({ seq }) => seq}
              columns={[
                { name: 'Place', numeric: true, cell: ({ seq }) => seq },
                { name: 'When', cell: ({ created_at }) => <Time at={created_at} /> },
                { name: 'What', cell: ({ kind }) => <AgentText text={kind} /> },
                {
                  name: 'About',
                  cell: ({ entity, entity_id, proposal_id }) => (
                    <ThingLink entity={entity} id={entity_id} proposalId={proposal_id} />
                  ),
                },
                { name: 'By', cell: ({ payload }) => <AgentText text={causeOf(payload)} /> },
              ]}
            />
          )
        }
      </Answer>
    </Panel>
  );
}

function causeOf(payload: unknown): string {
  const { cause } = (payload ?? {}) as { cause?: { by?: string; reason?: string } };
  return [cause?.by, cause?.reason].filter(Boolean).join(', ');
}
