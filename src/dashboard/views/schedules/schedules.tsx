import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { AgentLink, ProposalLink } from '../../ui/links.tsx';
import { More } from '../../ui/more.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import { NewSchedule } from './new-schedule.tsx';
import { schedulesQuery } from './queries.ts';
import { SchedulePage } from './schedule-page.tsx';
import { When } from './when.tsx';
import { stateOf } from './words.ts';

export function Schedules({ name }: { name: string | null }) {
  return name === null ? <AllSchedules /> : <SchedulePage name={name} />;
}

function AllSchedules() {
  const schedules = useInfiniteQuery(schedulesQuery);
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Schedules"
      actions={
        <ScopedButton scope="admin" onClick={() => setAdding(true)}>
          New schedule
        </ScopedButton>
      }
    >
      <Panel title="Proposals by clock">
        <Answer of={schedules} what="schedules">
          {({ pages }) =>
            pages[0]?.schedules.length === 0 ? (
              <Empty>There is none yet. A schedule proposes by itself, at times or by an interval.</Empty>
            ) : (
              <Table
                caption="Schedules, the oldest first"
                rows={pages.flatMap((page) => page.schedules)}
                keyOf={({ id }) => id}
                columns={[
                  { name: 'Schedule', cell: ({ name }) => <Link href={`/schedules/${name}`}>{name}</Link> },
                  { name: 'State', cell: (row) => <Badge {...stateOf(row)} /> },
                  { name: 'When', cell: (row) => <When schedule={row} /> },
                  {
                    name: 'Next',
                    cell: ({ next_due_at }) => (next_due_at ? <Time at={next_due_at} /> : 'none'),
                  },
                  {
                    name: 'Last',
                    cell: ({ last_due_at, last_proposal_id: id }) => (
                      <>
                        <Time at={last_due_at} /> {id && <ProposalLink id={id} />}
                      </>
                    ),
                  },
                  { name: 'Agent', cell: ({ agent_id }) => <AgentLink id={agent_id} /> },
                  { name: 'Title', cell: ({ title }) => <AgentText text={title} /> },
                ]}
              />
            )
          }
        </Answer>
        <More of={schedules} />
      </Panel>
      {adding && <NewSchedule onClose={() => setAdding(false)} />}
    </Page>
  );
}
