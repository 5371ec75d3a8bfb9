import { AgentText } from '../../ui/agent-text.tsx';
import { Empty } from '../../ui/answer.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { Item, Items } from '../../ui/items.tsx';
import { MissionLink } from '../../ui/links.tsx';
import { Since, Time } from '../../ui/time.tsx';
import type { Attention } from './queries.ts';

/** One line for each reason, with what moves it next. */
export function Stuck({ groups, more }: { groups: Attention['stuck']; more: boolean }) {
  if (groups.length === 0) return <Empty>Everything that is open moves.</Empty>;
  return (
    <Items>
      {groups.map(({ why, by, at, count, more: atLeast, examples }) => (
        <Item key={`${why} ${at}`} tone="warn">
          <AgentText text={why} />
          <small>
            {sayNumber(count)}
            {atLeast ? ' or more' : ''} {count === 1 ? 'waits' : 'wait'}
            {by !== null && (
              <>
                {' for '}
                <AgentText text={by} />
              </>
            )}
            {at !== null && (
              <>
                {', '}
                <Time at={at} />
              </>
            )}
          </small>
          {examples.map(({ entity, id, title, since }) => (
            <small key={id}>
              {entity === 'mission' ? <MissionLink id={id} title={title} /> : <AgentText text={title} />} for{' '}
              <Since at={since} />
            </small>
          ))}
        </Item>
      ))}
      {more && <Item>Others wait for other reasons; those above have waited longest.</Item>}
    </Items>
  );
}
