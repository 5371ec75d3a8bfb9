import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Mission as MissionRow, Step } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Facts } from '../../ui/facts.tsx';
import { AgentLink, MissionLink, ProposalLink } from '../../ui/links.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import styles from './mission.module.css';
import { CancelDialog, RetryDialog } from './mission-dialogs.tsx';
import { attemptsQuery, missionQuery, ofProposalQuery, whyQuery } from './queries.ts';
import { StepBlock } from './step-block.tsx';
import { Thread } from './thread.tsx';

export function Mission({ id }: { id: string }) {
  const found = useQuery(missionQuery(id));
  return (
    <Page title="Mission">
      <Answer of={found} what="mission">
        {({ mission, steps }) => <Details mission={mission} steps={steps} />}
      </Answer>
    </Page>
  );
}

function Details({ mission, steps }: { mission: MissionRow; steps: readonly Step[] }) {
  const why = useQuery(whyQuery(mission.id));
  const attempts = useQuery(attemptsQuery(mission.id));
  const siblings = useQuery({
    ...ofProposalQuery(mission.proposal_id ?? ''),
    enabled: mission.proposal_id !== null,
  });
  const next = siblings.data?.missions.find(({ retry_of }) => retry_of === mission.id);
  const [asking, setAsking] = useState<'cancel' | 'retry' | null>(null);
  return (
    <>
      <Panel
        title={<AgentText text={mission.title} />}
        actions={
          <>
            <ScopedButton
              scope="approve"
              look="danger"
              refusal={mission.status === 'active' ? null : `It is ${mission.status} already.`}
              onClick={() => setAsking('cancel')}
            >
              Cancel
            </ScopedButton>
            <ScopedButton
              scope="approve"
              refusal={whyNoRetry(mission, next)}
              onClick={() => setAsking('retry')}
            >
              Retry
            </ScopedButton>
          </>
        }
      >
        <Facts
          facts={{
            State: <Badge state={mission.failure?.class === 'cancelled' ? 'cancelled' : mission.status} />,
            'What moves it': why.data ? <AgentText text={why.data.why.next} /> : '…',
            Agent: mission.agent_id === null ? 'none' : <AgentLink id={mission.agent_id} />,
            Begun: <Time at={mission.created_at} />,
            ...(mission.completed_at ? { Ended: <Time at={mission.completed_at} /> } : {}),
            ...(mission.proposal_id
              ? { Proposal: <ProposalLink id={mission.proposal_id} title={mission.title} /> }
              : {}),
            ...(mission.retry_of ? { Continues: <MissionLink id={mission.retry_of} /> } : {}),
            ...(next ? { 'Goes on in': <MissionLink id={next.id} /> } : {}),
            Id: <code>{mission.id}</code>,
          }}
        />
      </Panel>
      <Panel title="Steps">
        <ol className={styles.steps}>
          {steps.map((step) => (
            <StepBlock
              key={step.id}
              step={step}
              attempts={attempts.data?.attempts.filter(({ step_id }) => step_id === step.id) ?? []}
            />
          ))}
        </ol>
      </Panel>
      {mission.proposal_id && <Thread proposalId={mission.proposal_id} />}
      {asking === 'cancel' && <CancelDialog mission={mission} onClose={() => setAsking(null)} />}
      {asking === 'retry' && <RetryDialog mission={mission} steps={steps} onClose={() => setAsking(null)} />}
    </>
  );
}

function whyNoRetry({ status }: MissionRow, next: MissionRow | undefined): string | null {
  if (status !== 'failed') return 'Only a mission that failed or was cancelled can be tried again.';
  return next ? 'It has been tried again; see where it goes on.' : null;
}
