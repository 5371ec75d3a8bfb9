import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { healthQuery } from '../../data/health.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { sayDuration, sayNumber, sayRoughly, sayUsd } from '../../ui/duration.ts';
import { AgentLink } from '../../ui/links.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { AgentPage } from './agent-page.tsx';
import { EditAgent } from './edit-agent.tsx';
import { Keys } from './keys.tsx';
import { agentStatsQuery, DAYS } from './queries.ts';

export function Agents({ id }: { id: string | null }) {
  return id === null ? <AllAgents /> : <AgentPage id={id} />;
}

function AllAgents() {
  const agents = useQuery(agentsQuery);
  const stats = useQuery(agentStatsQuery);
  const health = useQuery(healthQuery);
  const [creating, setCreating] = useState(false);
  const statsOf = (id: string) => stats.data?.agents.find(({ agent_id }) => agent_id === id);
  const paused = health.data?.paused.agents ?? [];
  return (
    <Page
      title="Agents and keys"
      actions={
        <ScopedButton scope="admin" onClick={() => setCreating(true)}>
          New agent
        </ScopedButton>
      }
    >
      <Panel title={`Agents, with the last ${DAYS} days`}>
        <Answer of={agents} what="agents">
          {({ agents: rows }) =>
            rows.length === 0 ? (
              <Empty>There is no agent yet. Make one: whoever proposes does it as an agent.</Empty>
            ) : (
              <Table
                caption="Agents"
                rows={rows}
                keyOf={({ agent_id }) => agent_id}
                columns={[
                  {
                    name: 'Agent',
                    cell: ({ agent_id }) => (
                      <>
                        <AgentLink id={agent_id} /> {paused.includes(agent_id) && <Badge state="paused" />}
                      </>
                    ),
                  },
                  { name: 'Name', cell: ({ display_name }) => <AgentText text={display_name ?? ''} /> },
                  { name: 'Role', cell: ({ role }) => <AgentText text={role ?? ''} /> },
                  {
                    name: 'Model',
                    cell: ({ model_override }) => <AgentText text={model_override ?? 'default'} />,
                  },
                  {
                    name: 'Proposals',
                    numeric: true,
                    cell: (row) => sayNumber(statsOf(row.agent_id)?.proposals ?? 0),
                  },
                  {
                    name: 'Succeeded',
                    numeric: true,
                    cell: (row) => sayShare(statsOf(row.agent_id)?.success_share),
                  },
                  {
                    name: 'Tokens',
                    numeric: true,
                    cell: (row) => sayRoughly(statsOf(row.agent_id)?.tokens ?? 0),
                  },
                  {
                    name: 'Cost',
                    numeric: true,
                    cell: (row) => sayUsd(statsOf(row.agent_id)?.cost_usd ?? 0),
                  },
                  {
                    name: 'Work',
                    numeric: true,
                    cell: (row) => sayDuration(statsOf(row.agent_id)?.work_ms ?? 0),
                  },
                ]}
              />
            )
          }
        </Answer>
      </Panel>
      <Keys />
      {creating && <EditAgent agent={null} onClose={() => setCreating(false)} />}
    </Page>
  );
}

export function sayShare(share: number | null | undefined): string {
  return share === null || share === undefined ? '' : `${Math.round(share * 100)} %`;
}
