import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty, Failure } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Item, Items } from '../../ui/items.tsx';
import { AgentLink, ProposalLink } from '../../ui/links.tsx';
import { Columns, Page, Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import { pausingSchedule, type Schedule, scheduleQuery } from './queries.ts';
import { RemoveSchedule } from './remove-schedule.tsx';
import { When } from './when.tsx';
import { sayMissed, stateOf, wallTime } from './words.ts';

export function SchedulePage({ name }: { name: string }) {
  const asking = useQuery(scheduleQuery(name));
  return (
    <Page title={`Schedule ${name}`} actions={asking.data && <Actions schedule={asking.data.schedule} />}>
      <Answer of={asking} what="schedule">
        {({ schedule, upcoming, proposals }) => (
          <>
            <Definition schedule={schedule} />
            <Columns>
              <Panel title="The next due times">
                {upcoming.length === 0 && (
                  <Empty>{schedule.paused ? 'None while it is paused.' : 'Nothing comes any more.'}</Empty>
                )}
                <Items>
                  {upcoming.map((due) => (
                    <Item key={due}>
                      <span>{wallTime(due, schedule.timezone)}</span>
                      <small>
                        <Time at={due} />
                      </small>
                    </Item>
                  ))}
                </Items>
              </Panel>
              <Panel title="The last proposals">
                {proposals.length === 0 && <Empty>There was none yet.</Empty>}
                <Items>
                  {proposals.map(({ id, title, status, outcome, run_at, created_at }) => (
                    <Item key={id}>
                      <ProposalLink id={id} title={title} />
                      <small>
                        <Badge state={outcome ?? status} /> <Time at={run_at ?? created_at} />
                      </small>
                    </Item>
                  ))}
                </Items>
              </Panel>
            </Columns>
          </>
        )}
      </Answer>
    </Page>
  );
}

function Definition({ schedule }: { schedule: Schedule }) {
  const { agent_id, kind, jitter_seconds, body } = schedule;
  return (
    <Panel title={<AgentText text={schedule.title} />}>
      <Facts
        facts={{
          State: <Badge {...stateOf(schedule)} />,
          When: <When schedule={schedule} />,
          Agent: <AgentLink id={agent_id} />,
          Kind: kind,
          'Missed times': sayMissed(schedule),
          Jitter: jitter_seconds === 0 ? null : `up to ${sayDuration(jitter_seconds * 1_000)}`,
          Added: <Time at={schedule.created_at} />,
          Last: <Time at={schedule.last_due_at} />,
        }}
      />
      {body !== null && (
        <p>
          <AgentText text={body} lines />
        </p>
      )}
    </Panel>
  );
}

function Actions({ schedule }: { schedule: Schedule }) {
  const pausing = useMutation(pausingSchedule);
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <Failure error={pausing.error} />
      <ScopedButton scope="admin" busy={pausing.isPending} onClick={() => pausing.mutate(schedule)}>
        {schedule.paused ? 'Resume' : 'Pause'}
      </ScopedButton>
      <ScopedButton scope="admin" look="danger" onClick={() => setRemoving(true)}>
        Remove
      </ScopedButton>
      {removing && <RemoveSchedule name={schedule.name} onClose={() => setRemoving(false)} />}
    </>
  );
}
