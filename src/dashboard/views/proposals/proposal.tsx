import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Facts } from '../../ui/facts.tsx';
import { AgentLink, MissionLink } from '../../ui/links.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import { DecideDialog, type Deciding } from './decide-dialog.tsx';
import { Decision } from './decision.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { type OneProposal, proposalQuery, whyQuery } from './queries.ts';

export function Proposal({ id }: { id: string }) {
  const found = useQuery(proposalQuery(id));
  return (
    <Page title="Proposal">
      <Answer of={found} what="proposal">
        {(one) => <Details {...one} />}
      </Answer>
    </Page>
  );
}

function Details({ proposal, mission }: OneProposal) {
  const why = useQuery(whyQuery(proposal.id));
  const [deciding, setDeciding] = useState<Deciding['verb'] | null>(null);
  const [editing, setEditing] = useState(false);
  const decided = proposal.status === 'pending' ? null : `It is ${proposal.status} already.`;
  return (
    <>
      <Panel
        title={<AgentText text={proposal.title} />}
        actions={
          <>
            <ScopedButton
              scope="approve"
              look="primary"
              refusal={decided}
              onClick={() => setDeciding('approve')}
            >
              Approve
            </ScopedButton>
            <ScopedButton scope="approve" refusal={decided} onClick={() => setEditing(true)}>
              Edit and approve
            </ScopedButton>
            <ScopedButton
              scope="approve"
              look="danger"
              refusal={decided}
              onClick={() => setDeciding('reject')}
            >
              Reject
            </ScopedButton>
          </>
        }
      >
        <Facts
          facts={{
            State: <Badge state={proposal.outcome ?? proposal.status} />,
            Agent: <AgentLink id={proposal.agent_id} />,
            Kind: <AgentText text={proposal.kind} />,
            Proposed: (
              <>
                <Time at={proposal.created_at} /> by <AgentText text={proposal.created_by ?? 'unknown'} />
              </>
            ),
            ...(proposal.run_at ? { 'Begins at': <Time at={proposal.run_at} /> } : {}),
            ...(proposal.priority === 0 ? {} : { Priority: proposal.priority }),
            'What moves it': why.data ? <AgentText text={why.data.why.next} /> : '…',
            ...(mission
              ? { Mission: <MissionLink id={mission.mission.id} title={mission.mission.title} /> }
              : {}),
            Id: <code>{proposal.id}</code>,
          }}
        />
        {proposal.body === null ? <p>It has no body.</p> : <Markdown text={proposal.body} />}
      </Panel>
      {proposal.original && (
        <Panel title="As it was proposed, before an operator edited it">
          <AgentText text={proposal.original.title} />
          {proposal.original.body !== null && <Markdown text={proposal.original.body} />}
        </Panel>
      )}
      <Decision proposal={proposal} />
      {deciding && <DecideDialog verb={deciding} proposals={[proposal]} onClose={() => setDeciding(null)} />}
      {editing && <EditDialog proposal={proposal} onClose={() => setEditing(false)} />}
    </>
  );
}
