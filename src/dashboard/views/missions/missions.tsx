import { useInfiniteQuery } from '@tanstack/react-query';
import { useFilters } from '../../data/url-filters.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { Fields, Select } from '../../ui/field.tsx';
import { FilterField } from '../../ui/filter-field.tsx';
import { AgentLink, MissionLink } from '../../ui/links.tsx';
import { More } from '../../ui/more.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Since, Time } from '../../ui/time.tsx';
import { missionsQuery } from './queries.ts';

const STATUSES = [
  { value: '', label: 'All' },
  { value: 'active', label: 'At work' },
  { value: 'completed', label: 'Completed' },
  { value: 'failed', label: 'Failed or cancelled' },
];

export function Missions() {
  const { filters, set } = useFilters(['status', 'agent_id', 'q']);
  const list = useInfiniteQuery(missionsQuery(filters));
  const rows = list.data?.pages.flatMap((page) => page.missions) ?? [];
  return (
    <Page title="Missions">
      <Panel title="Missions, the newest first">
        <Fields>
          <FilterField label="Search titles" value={filters.q ?? ''} onFilter={(value) => set('q', value)} />
          <Select
            label="Status"
            choices={STATUSES}
            value={filters.status ?? ''}
            onChange={(event) => set('status', event.target.value)}
          />
          <FilterField
            label="Agent"
            value={filters.agent_id ?? ''}
            onFilter={(value) => set('agent_id', value)}
          />
        </Fields>
        <Answer of={list} what="missions">
          {() =>
            rows.length === 0 ? (
              <Empty>There is no such mission. An approved proposal becomes one.</Empty>
            ) : (
              <Table
                caption="Missions, the newest first"
                rows={rows}
                keyOf={({ id }) => id}
                columns={[
                  { name: 'Title', cell: ({ id, title }) => <MissionLink id={id} title={title} /> },
                  {
                    name: 'State',
                    cell: ({ status, failure }) => (
                      <Badge state={failure?.class === 'cancelled' ? 'cancelled' : status} />
                    ),
                  },
                  { name: 'Agent', cell: ({ agent_id }) => (agent_id ? <AgentLink id={agent_id} /> : null) },
                  { name: 'Begun', cell: ({ created_at }) => <Time at={created_at} /> },
                  {
                    name: 'Took',
                    numeric: true,
                    cell: ({ created_at, completed_at }) =>
                      completed_at && created_at ? (
                        sayDuration(Date.parse(completed_at) - Date.parse(created_at))
                      ) : (
                        <Since at={created_at} />
                      ),
                  },
                  {
                    name: 'Why it failed',
                    cell: ({ failure }) => (failure ? <AgentText text={failure.message} /> : null),
                  },
                ]}
              />
            )
          }
        </Answer>
        <More of={list} />
      </Panel>
    </Page>
  );
}
