import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { Empty } from '../../ui/answer.tsx';
import { AgentLink, MissionLink, ProposalLink } from '../../ui/links.tsx';
import { Item, Items } from '../../ui/items.tsx';
import { Time } from '../../ui/time.tsx';
import type { Attention } from './queries.ts';

/** The oldest first: whoever has waited longest is looked at first. */
export function NeedsHuman({ given }: { given: Attention['needs_human'] }) {
  const { proposals, more_proposals, missions, problems } = given;
  if (proposals.length + missions.length + problems.length === 0)
    return <Empty>Nothing waits for you. What agents propose and policy does not approve comes here.</Empty>;
  return (
    <Items>
      {problems.map((problem) => (
        <Item key={problem} tone="warn">
          <AgentText text={problem} />
        </Item>
      ))}
      {proposals.map(({ id, title, kind, agent_id, created_at }) => (
        <Item key={id} tone="info">
          <ProposalLink id={id} title={title} />
          <small>
            <AgentLink id={agent_id} /> proposed <AgentText text={kind} /> <Time at={created_at} />
          </small>
        </Item>
      ))}
      {more_proposals && (
        <Item>
          <Link href="/proposals?status=pending">All that wait for a decision</Link>
        </Item>
      )}
      {missions.map(({ id, title, message, completed_at }) => (
        <Item key={id} tone="bad">
          <MissionLink id={id} title={title} />
          <small>
            failed <Time at={completed_at} />: <AgentText text={message} />
          </small>
        </Item>
      ))}
    </Items>
  );
}
