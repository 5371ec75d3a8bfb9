import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Failure } from '../../ui/answer.tsx';
import { Button } from '../../ui/button.tsx';
import { Facts } from '../../ui/facts.tsx';
import { Markdown } from '../../ui/markdown.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { exactTime, Time } from '../../ui/time.tsx';
import styles from './decide.module.css';
import { decide, linkQuery } from './queries.ts';

/** Decides one proposal for whoever has its link: it is shown first, and nothing happens before a button is pressed. */
export function Decide() {
  const secret = useSecretOfAddress();
  return (
    <main className={styles.page}>
      <Page title="Decide">
        {secret === '' ? (
          <p role="status">This address holds no link. Open it from the message again.</p>
        ) : (
          <Linked secret={secret} />
        )}
      </Page>
    </main>
  );
}

function Linked({ secret }: { secret: string }) {
  const found = useQuery(linkQuery(secret));
  const [reason, setReason] = useState('');
  const deciding = useMutation({
    mutationFn: (decision: 'approve' | 'reject') => decide(secret, decision, reason),
  });
  if (deciding.data)
    return (
      <Panel title={<AgentText text={deciding.data.proposal.title} />}>
        <p role="status">It is {deciding.data.proposal.status}. You can close this page.</p>
      </Panel>
    );
  return (
    <Answer of={found} what="proposal">
      {({ proposal, webhook, expires_at }) => (
        <Panel title={<AgentText text={proposal.title} />}>
          <Facts
            facts={{
              Agent: <AgentText text={proposal.agent_id} />,
              Kind: <AgentText text={proposal.kind} />,
              Proposed: <Time at={proposal.created_at} />,
              'This link': (
                <>
                  decides once, until {exactTime(expires_at)}; it came by the webhook{' '}
                  <AgentText text={webhook} />
                </>
              ),
            }}
          />
          {proposal.body === null ? <p>It has no body.</p> : <Markdown text={proposal.body} />}
          {proposal.status === 'pending' ? (
            <>
              <ReasonField value={reason} onChange={setReason} />
              <Failure error={deciding.error} />
              <div className={styles.buttons}>
                <Button look="primary" busy={deciding.isPending} onClick={() => deciding.mutate('approve')}>
                  Approve
                </Button>
                <Button look="danger" busy={deciding.isPending} onClick={() => deciding.mutate('reject')}>
                  Reject
                </Button>
              </div>
            </>
          ) : (
            <p role="status">It is {proposal.status} already.</p>
          )}
        </Panel>
      )}
    </Answer>
  );
}

/** The secret stands behind the # of the address, and is taken out of it: it must not stay in the browser's history. */
function useSecretOfAddress(): string {
  const [secret] = useState(() => location.hash.slice(1));
  useEffect(() => {
    history.replaceState(null, '', location.pathname);
    // Another link in the same tab changes nothing but the fragment, and the page would go on with the first one.
    const reload = () => location.reload();
    addEventListener('hashchange', reload);
    return () => removeEventListener('hashchange', reload);
  }, []);
  return secret;
}
