import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { agentsQuery } from '../../data/agents.ts';
import { healthQuery } from '../../data/health.ts';
import { resuming } from '../../data/pausing.ts';
import type { Agent } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty, Failure } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Facts } from '../../ui/facts.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { PauseDialog } from '../../ui/pause-dialog.tsx';
import { Time } from '../../ui/time.tsx';
import { AgentCharts } from './agent-charts.tsx';
import { EditAgent } from './edit-agent.tsx';

export function AgentPage({ id }: { id: string }) {
  const agents = useQuery(agentsQuery);
  return (
    <Page title={`Agent ${id}`}>
      <Answer of={agents} what="agent">
        {({ agents: all }) => {
          const agent = all.find(({ agent_id }) => agent_id === id);
          return agent ? (
            <Details agent={agent} />
          ) : (
            <Empty>
              There is no agent of this name. <Link href="/agents">All agents</Link>
            </Empty>
          );
        }}
      </Answer>
    </Page>
  );
}

function Details({ agent }: { agent: Agent }) {
  const id = agent.agent_id;
  const health = useQuery(healthQuery);
  const isPaused = health.data?.paused.agents.includes(id) ?? false;
  const [asking, setAsking] = useState<'edit' | 'pause' | null>(null);
  const resume = useMutation(resuming);
  return (
    <>
      <Panel
        title={<AgentText text={agent.display_name ?? id} />}
        actions={
          <>
            <ScopedButton scope="admin" onClick={() => setAsking('edit')}>
              Edit
            </ScopedButton>
            {isPaused ? (
              <ScopedButton scope="admin" busy={resume.isPending} onClick={() => resume.mutate(id)}>
                Resume
              </ScopedButton>
            ) : (
              <ScopedButton scope="admin" look="danger" onClick={() => setAsking('pause')}>
                Pause
              </ScopedButton>
            )}
          </>
        }
      >
        <Failure error={resume.error} />
        <Facts
          facts={{
            State: isPaused ? <Badge state="paused" /> : <Badge state="active" />,
            Role: <AgentText text={agent.role ?? 'none'} />,
            Model: <AgentText text={agent.model_override ?? 'the default'} />,
            Made: <Time at={agent.created_at} />,
            Work: (
              <>
                <Link href={`/proposals?status=any&agent_id=${id}`}>its proposals</Link>,{' '}
                <Link href={`/missions?agent_id=${id}`}>its missions</Link>
              </>
            ),
          }}
        />
      </Panel>
      <AgentCharts id={id} />
      {asking === 'edit' && <EditAgent agent={agent} onClose={() => setAsking(null)} />}
      {asking === 'pause' && <PauseDialog whom={id} onClose={() => setAsking(null)} />}
    </>
  );
}
