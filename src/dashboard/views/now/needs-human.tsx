import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { Empty } from '../../ui/answer.tsx';
import { First } from '../../ui/first.tsx';
import { Item, Items } from '../../ui/items.tsx';
import { AgentLink, MissionLink, ProposalLink } from '../../ui/links.tsx';
import { Time } from '../../ui/time.tsx';
import type { Attention } from './queries.ts';

const MOST = 6;

/** The oldest first: whoever has waited longest is looked at first. */
export function NeedsHuman({ given }: { given: Attention['needs_human'] }) {
  const { proposals, more_proposals, missions, more_missions, problems } = given;
  if (proposals.length + missions.length + problems.length === 0 && !more_missions)
    return <Empty>Nothing waits for you. What agents propose and policy does not approve comes here.</Empty>;
  return (
    <>
      <Items>
        {problems.map((problem) => (
          <Item key={problem} tone="warn">
            <AgentText text={problem} />
          </Item>
        ))}
      </Items>
      <First rows={proposals} most={MOST} what="proposals">
        {(rows) => (
          <Items>
            {rows.map(({ id, title, kind, agent_id, created_at }) => (
              <Item key={id} tone="info">
                <ProposalLink id={id} title={title} />
                <small>
                  <AgentLink id={agent_id} /> proposed <AgentText text={kind} /> <Time at={created_at} />
                </small>
              </Item>
            ))}
          </Items>
        )}
      </First>
      {more_proposals && <Link href="/proposals">All that wait for a decision</Link>}
      <First rows={missions} most={MOST} what="failed missions">
        {(rows) => (
          <Items>
            {rows.map(({ id, title, message, completed_at }) => (
              <Item key={id} tone="bad">
                <MissionLink id={id} title={title} />
                <small>
                  failed <Time at={completed_at} />: <AgentText text={message} />
                </small>
              </Item>
            ))}
          </Items>
        )}
      </First>
      {more_missions && <Link href="/missions?status=failed">All that failed</Link>}
    </>
  );
}
